// What the tests need: an example that runs, a browser, a picture.

import { spawn, execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
/** Where pictures are kept, if they are to be. */
const images = process.env.PICTURES;

/** Where cargo puts what it builds. */
function targetDirectory() {
  const options = { cwd: root, maxBuffer: 1 << 26 };
  const metadata = execFileSync("cargo", ["metadata", "--no-deps", "--format-version=1"], options);
  return JSON.parse(metadata).target_directory;
}

/** Starts an example on a port of its own and waits until it listens. */
export async function start(name, ...flags) {
  const program = join(targetDirectory(), "debug/examples", name);
  const child = spawn(program, ["--addr", "127.0.0.1:0", ...flags], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(createInterface(child.stdout), "line");
  const [, address] = /^listening on (\S+) backend=/.exec(line);
  return {
    url: `http://${address}/`,
    /** Ends it as Ctrl-C does, and expects it to end well. */
    async stop() {
      const ended = once(child, "exit");
      child.kill("SIGINT");
      const [code] = await ended;
      if (code !== 0) throw new Error(`${name} ended with ${code}`);
    },
  };
}

export async function launch() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
}

/** A page that fails the test if a script of its fails or a request goes wrong. */
export async function open(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 700 }, ...options });
  const page = await context.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(error.message));
  page.on("response", (response) => {
    if (response.status() >= 400) page.problems.push(`${response.status()} ${response.url()}`);
  });
  await page.goto(url);
  return page;
}

/** Keeps a picture, if it is to. */
export async function picture(page, name, options = {}) {
  if (!images) return;
  mkdirSync(images, { recursive: true });
  await page.screenshot({ path: join(images, `${name}.png`), animations: "disabled", ...options });
}

/** Whether the page is wider than its window. */
export function overflows(page) {
  return page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
}

export const THEMES = ["light", "dark"];
export const WIDTHS = [360, 800, 1400];
