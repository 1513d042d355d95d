// Five mechanisms at work on the same sockets. The first half is the model, pure functions
// that a test compares with the real mechanisms; the second half draws it.
"use strict";

const mechanisms = (() => {
  const NAMES = ["select", "poll", "epoll level", "epoll edge", "busy"];
  const FIRST = 3; // descriptors 0, 1 and 2 are taken
  const isEpoll = (world) => world.name.startsWith("epoll");
  const isBusy = (world) => world.name === "busy";

  /** A program that waits for `count` sockets; `drains` if it reads all there is. */
  function make(name, count, drains) {
    const totals = { calls: 0, copied: 0, looked: 0, searched: 0, woken: 0, idle: 0, messages: 0 };
    return {
      name, count, drains, totals,
      queues: Array(count).fill(0), // messages that wait in each socket
      ready: [], // epoll's ready list, in order
      events: [], // the answer
      phase: "ask",
      note: ["start"],
    };
  }

  /** A message comes into a socket: epoll's callback puts it on the ready list. */
  function arrive(world, socket) {
    const queues = world.queues.map((count, at) => (at === socket ? Math.min(count + 1, 99) : count));
    const isNew = isEpoll(world) && !world.ready.includes(socket);
    return { ...world, queues, ready: isNew ? [...world.ready, socket] : world.ready };
  }

  const filled = (world) => [...world.queues.keys()].filter((socket) => world.queues[socket] > 0);

  /** The kernel's answer now, and how many sockets it looked at for it. */
  function look(world) {
    if (!isEpoll(world)) return { ...world, events: filled(world), seen: world.count };
    const events = world.ready.filter((socket) => world.queues[socket] > 0);
    // Level: what is told of stays on the list. Edge: the list is empty now.
    const ready = world.name === "epoll level" ? events : [];
    return { ...world, events, ready, seen: world.ready.length };
  }

  /** The program reads from what it was told of. */
  function read(world) {
    const left = (count) => (world.drains ? 0 : count - 1);
    const queues = world.queues.map((count, socket) =>
      world.events.includes(socket) ? left(count) : count);
    return { ...world, queues };
  }

  /** How many system calls ask once. */
  const calls = (world) => (isBusy(world) ? world.count : 1);

  /** Bytes copied into the kernel with the question and out with the answer, on x86-64. */
  function copies(world) {
    const words = Math.ceil((FIRST + world.count) / 64) * 8;
    switch (world.name) {
      case "select": return { into: words, out: words }; // one set of bits
      case "poll": return { into: 8 * world.count, out: 2 * world.count }; // pollfd, revents
      case "busy": return { into: 0, out: 0 };
      default: return { into: 0, out: 12 * world.events.length }; // epoll_event, packed
    }
  }

  /** Sockets that hold data of which edge-triggered epoll will say nothing more. */
  const forgotten = (world) => world.name === "epoll edge" && world.phase === "sleep"
    ? filled(world).filter((socket) => !world.ready.includes(socket)) : [];

  function counted(world, more) {
    const totals = { ...world.totals };
    for (const key of Object.keys(more)) totals[key] += more[key];
    return { ...world, totals };
  }

  /** One phase further: ask, look, sleep or answer, search, read. */
  function step(world) {
    const { into, out } = copies(world);
    const next = (state, phase, ...note) => ({ ...state, phase, note });
    switch (world.phase) {
      case "ask": {
        const asked = counted({ ...world, events: [] }, { calls: calls(world), copied: into });
        if (!isBusy(world)) return next(asked, "look", "ask", into);
        const seen = counted(look(asked), { looked: world.count });
        if (seen.events.length > 0) return next(seen, "read", "hit", world.count, seen.events.length);
        return next(counted(seen, { idle: 1 }), "ask", "spin", world.count);
      }
      case "look": {
        const seen = look(world);
        const done = counted(seen, { looked: seen.seen });
        return seen.events.length > 0
          ? next(done, "answer", "found", seen.seen, seen.events.length)
          : next(done, "sleep", "sleep", isEpoll(world) ? 1 : world.count);
      }
      case "sleep": {
        const wakers = isEpoll(world) ? world.ready : filled(world);
        if (wakers.length > 0) return next(counted(world, { woken: 1 }), "look", "wake", wakers[0] + 1);
        const lost = forgotten(world).length;
        return lost > 0 ? next(world, "sleep", "stall", lost) : next(world, "sleep", "asleep");
      }
      case "answer":
        return next(counted(world, { copied: out }), "search", "answer", out);
      case "search": {
        const searched = isEpoll(world) ? world.events.length : world.count;
        return next(counted(world, { searched }), "read", "search", searched);
      }
      default: {
        const after = read(world);
        const sum = (queues) => queues.reduce((a, b) => a + b, 0);
        const messages = sum(world.queues) - sum(after.queues);
        return next(counted({ ...after, events: [] }, { messages }), "ask", "read", messages);
      }
    }
  }

  return { NAMES, make, arrive, look, read, calls, copies, forgotten, step, isEpoll, isBusy };
})();

if (typeof module !== "undefined") module.exports = mechanisms;

// ---------------------------------------------------------------------------------------

if (typeof document !== "undefined") (() => {
  const M = mechanisms;
  const TEXT = {
    en: {
      step: "Step", play: "Play", pause: "Pause", reset: "Start over", drains: "reads all there is",
      sockets: "Sockets", activity: "Activity", mechanism: "Mechanism", send: "Send a message to socket",
      program: "Program", kernel: "Kernel", running: "running", sleeping: "asleep", spinning: "never sleeps",
      bits: "set of bits", table: "table: asked / answer", events: "event buffer", none: "no list: it asks one by one",
      copy: "copy of the question", interest: "interest list", ready: "ready list", into: "in", out: "out",
      single: "answers one question at a time",
      totals: "So far, with the same messages for all five", bytes: "bytes",
      heads: ["", "system calls", "bytes copied", "kernel looked at", "program searched", "woken", "asked in vain", "messages read"],
      start: () => "Press Step, or send a message with the buttons under the sockets.",
      ask: (b) => `The program asks: ${b} bytes are copied into the kernel.`,
      spin: (n) => `${n} system calls, one a socket: nothing. And again.`,
      hit: (n, k) => `${n} system calls, one a socket: ${k} said yes.`,
      found: (n, k) => `The kernel looks at ${n}; ready: ${k}.`,
      sleep: (n) => `Nothing is ready. The thread puts itself on ${n} waiting list${n > 1 ? "s" : ""} and sleeps.`,
      asleep: () => "The thread sleeps. The processor is free for others.",
      stall: (n) => `Asleep, although ${n} socket${n > 1 ? "s hold" : " holds"} data: an edge is told of once.`,
      wake: (s) => `A message came into socket ${s} and wakes the thread.`,
      answer: (b) => `The answer: ${b} bytes are copied out.`,
      search: (n) => `The program goes through ${n} to find what is ready.`,
      read: (n) => `It reads ${n} message${n > 1 ? "s" : ""}.`,
    },
    ko: {
      step: "한 단계", play: "재생", pause: "멈춤", reset: "처음부터", drains: "있는 것을 모두 읽기",
      sockets: "소켓 수", activity: "활동량", mechanism: "방식", send: "메시지를 보낼 소켓",
      program: "프로그램", kernel: "커널", running: "실행 중", sleeping: "잠듦", spinning: "잠들지 않음",
      bits: "비트 집합", table: "표: 질문 / 답", events: "이벤트 버퍼", none: "목록 없이 하나씩 물어봄",
      copy: "질문의 복사본", interest: "관심 목록", ready: "준비 목록", into: "입력", out: "출력",
      single: "한 번에 질문 하나씩 대답함",
      totals: "다섯 방식이 같은 메시지를 처리한 지금까지의 합계", bytes: "바이트",
      heads: ["", "시스템 콜", "복사한 바이트", "커널이 살펴본 수", "프로그램이 훑은 수", "깨어난 횟수", "헛질문", "읽은 메시지"],
      start: () => "‘한 단계’를 누르거나, 소켓 아래 단추로 메시지를 보내 보세요.",
      ask: (b) => `프로그램이 묻습니다. ${b}바이트를 커널로 복사합니다.`,
      spin: (n) => `소켓마다 한 번씩 시스템 콜 ${n}번을 했지만 아무것도 없습니다. 다시 묻습니다.`,
      hit: (n, k) => `소켓마다 한 번씩 시스템 콜 ${n}번을 하니 ${k}개가 준비되어 있습니다.`,
      found: (n, k) => `커널이 ${n}개를 살펴보니 ${k}개가 준비되어 있습니다.`,
      sleep: (n) => `준비된 것이 없습니다. 스레드는 대기 목록 ${n}곳에 이름을 올리고 잠듭니다.`,
      asleep: () => "스레드는 자고 있습니다. 그동안 프로세서는 다른 일을 할 수 있습니다.",
      stall: (n) => `소켓 ${n}개에 데이터가 남았는데도 잠들어 있습니다. 에지는 한 번만 알려 주기 때문입니다.`,
      wake: (s) => `${s}번 소켓에 온 메시지가 스레드를 깨웁니다.`,
      answer: (b) => `답으로 ${b}바이트를 프로그램에 복사합니다.`,
      search: (n) => `프로그램이 준비된 것을 찾아 ${n}개를 훑습니다.`,
      read: (n) => `메시지 ${n}개를 읽습니다.`,
    },
  };
  const STYLE = `
    .wm { --ink: var(--fg, CanvasText); --tint: color-mix(in srgb, var(--ink) 9%, transparent);
      --edge: color-mix(in srgb, var(--ink) 45%, transparent); --hit: #3b82f6; --warn: #e2570d; --ok: #16a34a; max-width: 760px; margin: 1em auto; }
    .wm svg { width: 100%; height: auto; display: block; }
    .wm text { fill: var(--ink); font: 14px system-ui, "Noto Sans KR", "Noto Sans CJK KR", sans-serif; }
    .wm .b { font-weight: 600; } .wm .s { font-size: 13px; opacity: .85; } .wm .m { text-anchor: middle; } .wm .e { text-anchor: end; }
    .wm .box { fill: var(--tint); stroke: var(--edge); } .wm .now { stroke: var(--hit); stroke-width: 3; }
    .wm .cell { fill: none; stroke: var(--edge); } .wm .hit { fill: #2563eb; stroke: #2563eb; }
    .wm .warn { stroke: var(--warn); stroke-width: 3; fill: none; } .wm .dot { fill: var(--ok); } .wm text.w { fill: #fff; font-weight: 600; }
    .wm .row { display: flex; flex-wrap: wrap; gap: .5em 1em; align-items: center; margin: .6em 0; } .wm .tabs { gap: .4em; }
    .wm .grid { display: grid; gap: 1.6%; margin: 4px 2.5%; }
    .wm button { font: inherit; min-height: 2.4em; padding: 0 .6em; color: inherit; background: var(--tint); border: 1px solid var(--edge); border-radius: 6px; cursor: pointer; }
    .wm .grid button { padding: 0; } .wm button[aria-checked=true] { background: #2563eb; color: #fff; border-color: #2563eb; }
    .wm :focus-visible { outline: 3px solid var(--hit); outline-offset: 2px; } .wm label { display: flex; align-items: center; gap: .5em; }
    .wm .say { min-height: 3.2em; margin: .4em 0; } .wm .scroll { overflow-x: auto; } .wm input[type=range] { accent-color: var(--hit); width: 8em; }
    .wm table { border-collapse: collapse; font-size: .8em; margin: 0; width: 100%; } .wm td, .wm th { padding: .3em .4em; text-align: right; border: 1px solid var(--edge); background: none; color: var(--ink); }
    @media (max-width: 500px) { .wm text { font-size: 17px; } .wm .s { font-size: 16px; } } /* the picture shrinks with the page */
    .wm th, .wm td { overflow-wrap: normal; word-break: keep-all; } .wm caption { text-align: left; padding: .3em 0; } .wm tr.own { background: color-mix(in srgb, var(--hit) 22%, transparent); } .wm th:first-child { text-align: left; white-space: nowrap; }`;

  function start(root) {
    const language = new URLSearchParams(location.search).get("lang") || document.documentElement.lang;
    const t = language.startsWith("ko") ? TEXT.ko : TEXT.en;
    const state = { shown: "epoll level", count: 6, activity: 25, drains: false, timer: 0, worlds: [] };

    const element = (tag, className, ...children) => {
      const made = Object.assign(document.createElement(tag), { className });
      made.append(...children);
      return made;
    };
    const button = (text, act) => {
      const made = element("button", "", text);
      made.type = "button";
      made.addEventListener("click", act);
      return made;
    };
    const slider = (text, key, min, max, changed) => {
      const input = Object.assign(document.createElement("input"), { type: "range", min, max, value: state[key] });
      const value = element("output", "", String(state[key]));
      input.addEventListener("input", () => { value.value = state[key] = Number(input.value); changed(); });
      return element("label", "", text, input, value);
    };

    const picture = element("div", ""), say = element("p", "say"), sends = element("div", "grid");
    const sums = element("div", "scroll"), play = button(t.play, toggle);
    say.setAttribute("aria-live", "polite");
    sends.setAttribute("role", "group");
    sends.setAttribute("aria-label", t.send);
    sums.tabIndex = 0; // so that the keyboard can scroll it
    sums.setAttribute("role", "region");
    sums.setAttribute("aria-label", t.totals);
    const tabs = M.NAMES.map((name) => {
      const tab = button(name, () => { state.shown = name; draw(); });
      tab.setAttribute("role", "radio");
      return tab;
    });
    const choice = element("div", "row tabs", ...tabs);
    choice.setAttribute("role", "radiogroup");
    choice.setAttribute("aria-label", t.mechanism);
    choice.addEventListener("keydown", (event) => {
      const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!move) return;
      event.preventDefault();
      event.stopPropagation(); // the book turns its pages with the same keys
      const at = (M.NAMES.indexOf(state.shown) + move + M.NAMES.length) % M.NAMES.length;
      state.shown = M.NAMES[at];
      draw();
      tabs[at].focus();
    });
    const drains = Object.assign(document.createElement("input"), { type: "checkbox" });
    drains.addEventListener("change", () => {
      state.drains = drains.checked;
      state.worlds = state.worlds.map((world) => ({ ...world, drains: state.drains }));
    });
    const sliders = element("div", "row", slider(t.sockets, "count", 2, 8, reset), slider(t.activity, "activity", 0, 100, () => {}));
    sliders.addEventListener("keydown", (event) => event.stopPropagation());
    root.append(choice, picture, sends, say,
      element("div", "row", button(t.step, tick), play, button(t.reset, reset), element("label", "", drains, t.drains)),
      sliders, sums);

    function reset() {
      state.worlds = M.NAMES.map((name) => M.make(name, state.count, state.drains));
      sends.style.gridTemplateColumns = `repeat(${state.count}, 1fr)`;
      sends.replaceChildren(...state.worlds[0].queues.map((_, socket) => {
        const made = button(`+ ${socket + 1}`, () => { arrive(socket); draw(); });
        made.setAttribute("aria-label", `${t.send} ${socket + 1}`);
        return made;
      }));
      draw();
    }
    function arrive(socket) { state.worlds = state.worlds.map((world) => M.arrive(world, socket)); }
    function tick() {
      if (Math.random() * 100 < state.activity) arrive(Math.floor(Math.random() * state.count));
      state.worlds = state.worlds.map(M.step);
      draw();
    }
    function toggle() {
      if (state.timer) clearInterval(state.timer);
      state.timer = state.timer ? 0 : setInterval(tick, 700);
      play.textContent = state.timer ? t.pause : t.play;
      say.setAttribute("aria-live", state.timer ? "off" : "polite");
    }

    function draw() {
      const world = state.worlds.find((each) => each.name === state.shown);
      for (const tab of tabs) {
        const isOn = tab.textContent === state.shown;
        tab.setAttribute("aria-checked", isOn);
        tab.tabIndex = isOn ? 0 : -1;
      }
      const [key, ...values] = world.note;
      say.textContent = t[key](...values);
      picture.innerHTML = drawing(world, t, say.textContent);
      const rows = state.worlds.map((each) => {
        const { calls, copied, looked, searched, woken, idle, messages } = each.totals;
        const cells = [calls, copied, looked, searched, woken, idle, messages].map((sum) => `<td>${sum}</td>`);
        return `<tr class="${each === world ? "own" : ""}"><th scope="row">${each.name}</th>${cells.join("")}</tr>`;
      });
      const heads = t.heads.map((head) => `<th scope="col">${head}</th>`).join("");
      sums.innerHTML = `<table><caption>${t.totals}</caption><tr>${heads}</tr>${rows.join("")}</table>`;
    }
    reset();
  }

  function drawing(world, t, spoken) {
    const width = 460 / world.count, left = (column) => 10 + column * width, middle = (column) => left(column) + width / 2;
    const box = (y, height, isNow) => `<rect class="box ${isNow ? "now" : ""}" x="4" y="${y}" width="472" height="${height}" rx="8"/>`;
    const text = (x, y, words, style) => `<text class="${style}" x="${x}" y="${y}">${words}</text>`;
    const cell = (column, y, words, isHit) =>
      `<rect class="${isHit ? "hit" : "cell"}" x="${left(column) + 2}" y="${y}" width="${width - 4}" height="28" rx="4"/>`
      + text(middle(column), y + 19, words, isHit ? "w m" : "m");
    const columns = [...world.queues.keys()];
    const told = (column) => world.events.includes(column);
    const isAnswered = ["search", "read"].includes(world.phase);
    const now = { ask: "program", search: "program", read: "program", look: "kernel", answer: "kernel" }[world.phase];

    const thread = M.isBusy(world) ? t.spinning : world.phase === "sleep" ? t.sleeping : t.running;
    const list = { select: t.bits, poll: t.table, busy: t.none }[world.name] || t.events;
    let art = box(4, 96, now === "program") + text(16, 26, t.program, "b") + text(464, 26, thread, "b e") + text(16, 90, list, "s");
    art += columns.map((column) => {
      const isHit = isAnswered && told(column);
      if (world.name === "select") return cell(column, 40, isAnswered && !isHit ? 0 : 1, isHit);
      if (world.name === "poll") return cell(column, 40, isHit ? "IN/IN" : "IN/0", isHit);
      if (M.isBusy(world)) return cell(column, 40, isHit ? "!" : "?", isHit);
      const event = isAnswered ? world.events[column] : undefined;
      return cell(column, 40, event === undefined ? "" : event + 1, event !== undefined);
    }).join("");

    const { into, out } = M.copies(world);
    const flow = (x, words, isNow, path) =>
      `<path d="${path}" fill="none" stroke="${isNow ? "var(--hit)" : "var(--edge)"}" stroke-width="${isNow ? 4 : 2}"/>` + text(x, 126, words, isNow ? "b" : "s");
    if (!M.isBusy(world)) {
      art += flow(46, `${t.into}: ${into} ${t.bytes}`, world.note[0] === "ask", "M30 103V138M23 130L30 138L37 130");
      art += flow(276, `${t.out}: ${isAnswered || world.phase === "answer" ? out : 0} ${t.bytes}`, world.note[0] === "answer", "M260 139V104M253 112L260 104L267 112");
    }

    art += box(142, 116, now === "kernel") + text(16, 164, t.kernel, "b");
    if (M.isEpoll(world)) {
      art += text(464, 164, t.interest, "s e") + columns.map((column) => cell(column, 170, column + 1, false)).join("");
      art += text(464, 214, t.ready, "s e") + columns.map((place) => {
        const socket = world.ready[place];
        return cell(place, 222, socket === undefined ? "" : socket + 1, socket !== undefined);
      }).join("");
    } else if (M.isBusy(world)) {
      art += text(240, 208, t.single, "s m");
    } else {
      const isHeld = ["look", "answer", "sleep"].includes(world.phase);
      art += text(464, 164, t.copy, "s e") + columns.map((column) => cell(column, 190, isHeld ? column + 1 : "", isHeld && told(column))).join("");
    }

    const lost = M.forgotten(world);
    art += columns.map((column) => {
      const count = world.queues[column], x = middle(column);
      let socket = `<rect class="${lost.includes(column) ? "warn" : "cell"}" x="${left(column) + 4}" y="270" width="${width - 8}" height="84" rx="6"/>`;
      for (let dot = 0; dot < Math.min(count, 3); dot++) socket += `<circle class="dot" cx="${x}" cy="${342 - dot * 19}" r="8"/>`;
      return count > 3 ? socket + text(x, 288, count, "s m") : socket;
    }).join("");
    return `<svg viewBox="0 0 480 360" role="img" aria-label="${world.name}: ${spoken}">${art}</svg>`;
  }

  function mount() {
    const root = document.getElementById("mechanisms");
    if (!root) return;
    document.head.append(Object.assign(document.createElement("style"), { textContent: STYLE }));
    root.className = "wm";
    start(root);
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", mount);
  else mount();
})();
