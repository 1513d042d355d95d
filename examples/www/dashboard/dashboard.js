// The connection and the controls. See panel.rs for what is said and told.

import { Chart } from "./chart.js";
import { showRows } from "./rows.js";

const element = (id) => document.getElementById(id);
const state = element("state");
const chart = new Chart(element("chart"));

/** After a lost connection, in milliseconds. */
const RETRY_MS = 2000;

let socket;

function say(message) {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

/** A slider that tells the server what it is moved to, and follows what others move. */
class Slider {
  #input;
  #output;
  #moved = -Infinity;

  constructor(name) {
    this.#input = element(name);
    this.#output = element(`${name}-value`);
    this.#input.addEventListener("input", () => {
      this.#moved = performance.now();
      this.#output.value = this.#input.value;
      say({ [name]: this.#input.valueAsNumber });
    });
  }

  /** What the server has. It may lag behind a hand that moves. */
  show(value, max) {
    if (performance.now() - this.#moved < 1500) return;
    this.#input.max = max;
    this.#input.value = value;
    this.#output.value = value;
  }
}

const idle = new Slider("idle");
const active = new Slider("active");

function show(told) {
  idle.show(told.idle, told.idle_max);
  active.show(told.active, told.active_max);
  element("rate").textContent = `each sends ${told.messages_a_second} messages a second`;
  showRows(element("rows"), told.rows, (name, on) => say({ turn: { name, on } }));
  chart.add(told.rows);
}

function connect() {
  const url = new URL("/live", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  socket = new WebSocket(url);
  socket.onopen = () => { state.textContent = ""; };
  socket.onmessage = ({ data }) => show(JSON.parse(data));
  socket.onclose = ({ reason }) => {
    state.textContent = `Not connected${reason ? `: ${reason}` : ""}. Trying again…`;
    setTimeout(connect, RETRY_MS);
  };
}

connect();
