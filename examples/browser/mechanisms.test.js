// The book's interactive page, docs/interactive, by keyboard alone.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, overflows, THEMES, WIDTHS } from "./support.js";

const PAGE = new URL("../../docs/interactive/mechanisms.html", import.meta.url).href;

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser.close(); });

/** What has the focus: its role and its name. */
function focused(page) {
  return page.evaluate(() => {
    const at = document.activeElement;
    const name = at.getAttribute("aria-label") ?? at.labels?.[0]?.firstChild?.textContent ?? at.textContent;
    return `${at.getAttribute("role") ?? at.type}: ${name}`;
  });
}

test("the tab key goes through the controls from above, each with a name", async () => {
  const page = await open(browser, PAGE);
  const order = [];
  for (let stop = 0; stop < 14; stop++) {
    await page.keyboard.press("Tab");
    order.push(await focused(page));
  }
  const sends = [1, 2, 3, 4, 5, 6].map((socket) => `button: Send a message to socket ${socket}`);
  assert.deepEqual(order, [
    "radio: epoll level", ...sends, "button: Step", "button: Play", "button: Start over",
    "checkbox: ", "range: Sockets", "range: Activity",
    "region: So far, with the same messages for all five",
  ]);
  assert.ok(await page.getByRole("checkbox", { name: "reads all there is" }).isVisible());
  await page.context().close();
});

test("arrow keys choose the mechanism, and the picture follows", async () => {
  const page = await open(browser, PAGE);
  await page.keyboard.press("Tab");
  for (const name of ["epoll edge", "busy", "select", "poll", "epoll level"]) {
    await page.keyboard.press("ArrowRight");
    assert.equal(await focused(page), `radio: ${name}`);
    assert.ok(await page.getByRole("radio", { name, exact: true, checked: true }).isVisible());
    assert.match(await page.locator("svg").getAttribute("aria-label"), new RegExp(`^${name}:`));
  }
  await page.context().close();
});

test("a message is sent, told, copied and read step by step", async () => {
  const page = await open(browser, PAGE);
  await page.getByRole("slider", { name: "Activity" }).focus();
  await page.keyboard.press("Home"); // no messages but ours
  await page.getByRole("button", { name: "Send a message to socket 2" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Step" }).focus();
  const told = [];
  for (const key of ["Enter", "Space", "Enter", "Space", "Enter", "Space", "Enter"]) {
    await page.keyboard.press(key);
    told.push(await page.locator("[aria-live]").textContent());
  }
  assert.deepEqual(told, [
    "The program asks: 0 bytes are copied into the kernel.",
    "The kernel looks at 1; ready: 1.",
    "The answer: 12 bytes are copied out.",
    "The program goes through 1 to find what is ready.",
    "It reads 1 message.",
    "The program asks: 0 bytes are copied into the kernel.",
    "Nothing is ready. The thread puts itself on 1 waiting list and sleeps.",
  ]);
  await page.context().close();
});

test("it plays by itself until it is told to pause, and starts over with as many sockets as wanted", async () => {
  const page = await open(browser, PAGE);
  await page.getByRole("button", { name: "Play" }).focus();
  await page.keyboard.press("Space");
  await page.getByText("The program asks").waitFor();
  assert.equal(await focused(page), "button: Pause");
  await page.keyboard.press("Space");
  assert.equal(await focused(page), "button: Play");
  await page.getByRole("slider", { name: "Sockets" }).focus();
  await page.keyboard.press("End");
  assert.equal(await page.getByRole("button", { name: "Send a message" }).count(), 8);
  await page.getByText("Press Step").waitFor();
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("it fits its window, in both languages and themes", async () => {
  for (const language of ["en", "ko"]) {
    for (const colorScheme of THEMES) {
      for (const width of WIDTHS) {
        const page = await open(browser, `${PAGE}?lang=${language}`, { colorScheme, viewport: { width, height: 900 } });
        await page.getByRole("radiogroup").waitFor();
        assert.equal(await overflows(page), false, `${language}, ${colorScheme}, ${width} px`);
        await page.context().close();
      }
    }
  }
});
