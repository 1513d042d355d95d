// One WebSocket. What the server tells is one of four kinds; see chat.rs.

const [log, state, join, say, name, text] =
  ["log", "state", "join", "say", "name", "text"].map((id) => document.getElementById(id));

/** How many lines are kept. */
const LINES_MAX = 500;

let socket;

/** Adds a line: text only, so that nobody's message is markup. */
function add(className, ...parts) {
  const follows = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const line = document.createElement("li");
  line.className = className;
  line.append(...parts);
  log.append(line);
  if (log.childElementCount > LINES_MAX) log.firstElementChild.remove();
  if (follows) log.scrollTop = log.scrollHeight;
}

/** A name in a colour of its own. */
function coloured(name) {
  const shown = document.createElement("b");
  let hue = 0;
  for (const character of name) hue = (hue * 31 + character.codePointAt(0)) % 360;
  shown.style.setProperty("--hue", hue);
  shown.textContent = name;
  return shown;
}

const told = {
  welcome({ name, others }) {
    state.textContent = `You are ${name}`;
    const there = others.length ? `Here already: ${others.join(", ")}.` : "Nobody else is here yet.";
    add("note", `Welcome, ${name}. ${there}`);
    join.hidden = true;
    say.hidden = false;
    text.focus();
  },
  joined: ({ name }) => add("note", `${name} has joined.`),
  said: ({ name, text }) => add("said", coloured(name), ` ${text}`),
  left: ({ name }) => add("note", `${name} has left.`),
};

function connect() {
  state.textContent = "Connecting…";
  const url = new URL("/chat", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  socket = new WebSocket(url);
  socket.onopen = () => socket.send(JSON.stringify({ join: name.value }));
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    told[message.kind]?.(message);
  };
  socket.onclose = ({ code, reason }) => {
    state.textContent = "Not connected";
    add("note", `The connection was closed: ${reason || "no reason given"} (${code}).`);
    say.hidden = true;
    join.hidden = false;
  };
}

join.addEventListener("submit", (event) => {
  event.preventDefault();
  connect();
});

say.addEventListener("submit", (event) => {
  event.preventDefault();
  socket.send(JSON.stringify({ say: text.value }));
  text.value = "";
});
