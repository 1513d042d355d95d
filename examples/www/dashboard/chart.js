// A line a mechanism: its share of a processor over the last minute.

const SVG = "http://www.w3.org/2000/svg";

/** Two a second, for a minute. */
const POINTS = 121;

/** What the labels of the scale take, in pixels. */
const LEFT = 40;
const BOTTOM = 20;
const RIGHT = 4;

/** The top of the scale, in percent: the first that is not passed. */
const TOPS = [2, 5, 10, 20, 50, 100];

function make(tag, attributes, parent) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent.append(made);
  return made;
}

export class Chart {
  #svg;
  #grid;
  #lines = new Map();

  constructor(svg) {
    this.#svg = svg;
    this.#grid = make("g", {}, svg);
    new ResizeObserver(() => this.#draw()).observe(svg);
  }

  /** Adds a point a row; one that is off has a gap. */
  add(rows) {
    for (const { name, on, figures } of rows) {
      if (!this.#lines.has(name)) {
        const line = make("polyline", {}, this.#svg);
        line.style.setProperty("--hue", `var(--${name})`);
        this.#lines.set(name, { line, points: [] });
      }
      const { points } = this.#lines.get(name);
      points.push(on && figures ? 100 * figures.cpu : null);
      if (points.length > POINTS) points.shift();
    }
    this.#draw();
  }

  #draw() {
    const { width, height } = this.#svg.getBoundingClientRect();
    if (width === 0) return;
    const largest = Math.max(0, ...[...this.#lines.values()].flatMap(({ points }) => points));
    const top = TOPS.find((top) => largest <= top) ?? 100;
    const x = (age) => width - RIGHT - (age / (POINTS - 1)) * (width - LEFT - RIGHT);
    const y = (percent) => 6 + (1 - Math.min(1, percent / top)) * (height - BOTTOM - 6);
    this.#drawGrid(width, height, top, x, y);
    for (const { line, points } of this.#lines.values()) {
      const last = points.length - 1;
      const drawn = points.map((percent, index) =>
        percent === null ? null : `${x(last - index).toFixed(1)},${y(percent).toFixed(1)}`);
      // Only what follows the last gap.
      const from = drawn.lastIndexOf(null) + 1;
      line.setAttribute("points", drawn.slice(from).join(" "));
    }
  }

  #drawGrid(width, height, top, x, y) {
    this.#grid.replaceChildren();
    for (const percent of [0, top / 2, top]) {
      const at = y(percent);
      make("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: at, y2: at }, this.#grid);
      const label = make("text", { x: LEFT - 8, y: at + 4, "text-anchor": "end" }, this.#grid);
      label.textContent = percent;
    }
    for (const [seconds, anchor] of [[60, "start"], [30, "middle"], [0, "end"]]) {
      const label = make("text", { x: x(2 * seconds), y: height - 2, "text-anchor": anchor }, this.#grid);
      label.textContent = seconds === 0 ? "now" : `${seconds} s ago`;
    }
  }
}
