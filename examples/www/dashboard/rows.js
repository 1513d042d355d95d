// The table: a row a mechanism, made once and then filled anew.

const PERCENT = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const CALLS = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** The scale of latencies, in powers of ten of microseconds. */
const SCALE = { first: 1, decades: 5 };

function make(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** Where a latency lies on the scale, from 0 to 1. */
function place(us) {
  const decades = Math.log10(Math.max(us, 1)) - SCALE.first;
  return Math.min(1, Math.max(0, decades / SCALE.decades));
}

function time(us) {
  if (us >= 10_000) return `${WHOLE.format(us / 1000)} ms`;
  if (us >= 1000) return `${PERCENT.format(us / 1000)} ms`;
  return `${WHOLE.format(us)} µs`;
}

function cell(label, className) {
  const made = make("td", className);
  made.dataset.label = label;
  return made;
}

class Row {
  #on = make("input");
  #note = make("span", "note");
  #cpu = cell("Processor", "cpu");
  #percent = make("span");
  #bar = make("i");
  #calls = cell("Calls an event");
  #median = cell("Median");
  #p99 = cell("99th perc.");
  #range = make("span", "range", make("i"), make("b"));
  element = make("tr");

  constructor(name, turn) {
    this.element.style.setProperty("--hue", `var(--${name})`);
    this.#on.type = "checkbox";
    this.#on.addEventListener("change", () => turn(name, this.#on.checked));
    const head = make("th", "", make("label", "", this.#on, name), this.#note);
    head.scope = "row";
    this.#cpu.append(this.#percent, make("span", "bar", this.#bar));
    const wide = make("td", "wide", this.#range);
    wide.ariaHidden = "true"; // the two cells before it say the same
    this.element.append(head, this.#cpu, this.#calls, this.#median, this.#p99, wide);
  }

  show({ on, sleeps, error, figures }) {
    this.#on.checked = on;
    this.#note.textContent = error ?? (sleeps ? "" : "never sleeps");
    this.#note.hidden = !this.#note.textContent;
    this.element.classList.toggle("off", !on);
    const cpu = figures?.cpu;
    this.#percent.textContent = cpu === undefined ? "–" : `${PERCENT.format(100 * cpu)} %`;
    this.#bar.style.setProperty("--share", Math.min(1, cpu ?? 0));
    const calls = figures?.calls_an_event;
    this.#calls.textContent = calls == null ? "–" : CALLS.format(calls);
    const hasLatency = figures && figures.median_us > 0;
    this.#median.textContent = hasLatency ? time(figures.median_us) : "–";
    this.#p99.textContent = hasLatency ? time(figures.p99_us) : "–";
    this.#range.hidden = !hasLatency;
    if (hasLatency) {
      this.#range.style.setProperty("--from", place(figures.median_us));
      this.#range.style.setProperty("--to", place(figures.p99_us));
    }
  }
}

const rows = new Map();

/** Shows what the server told in `body`; `turn(name, on)` is called for a switch. */
export function showRows(body, told, turn) {
  for (const row of told) {
    if (!rows.has(row.name)) {
      rows.set(row.name, new Row(row.name, turn));
      body.append(rows.get(row.name).element);
    }
    rows.get(row.name).show(row);
  }
}
