import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, overflows, picture, start, THEMES, WIDTHS } from "./support.js";

let server, browser;
before(async () => { [server, browser] = [await start("dashboard"), await launch()]; });
after(async () => { await browser.close(); await server.stop(); });

/** The row of a mechanism, once it shows figures. */
async function figuresOf(page, name) {
  const row = page.getByRole("row").filter({ has: page.getByRole("checkbox", { name, exact: true }) });
  await row.getByText(/[0-9] (µs|ms)$/).first().waitFor({ timeout: 30_000 });
  return row;
}

/** Waits until the chart's lines have so many points. */
function hasDrawn(page, points) {
  return page.waitForFunction((points) => {
    const line = document.querySelector("#chart polyline");
    return line?.getAttribute("points")?.split(" ").length >= points;
  }, points);
}

test("the sliders set the load, and the figures follow", async () => {
  const page = await open(browser, server.url, { viewport: { width: 1200, height: 1140 } });
  for (const name of ["select", "poll", "epoll"]) await figuresOf(page, name);
  const idle = page.getByRole("slider", { name: "Idle connections" });
  await idle.focus();
  for (let step = 0; step < 20; step++) await page.keyboard.press("ArrowRight");
  assert.equal(await idle.inputValue(), "300");
  // What another page sees is what the server has.
  const other = await open(browser, server.url);
  await other.waitForFunction(() => document.querySelector("#idle-value").value === "300");
  await other.context().close();
  const active = page.getByRole("slider", { name: "Active connections" });
  await active.fill("40");
  await hasDrawn(page, 20);
  await figuresOf(page, "epoll");
  await picture(page, "dashboard");
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test("a mechanism is switched off and on by its box", async () => {
  const page = await open(browser, server.url);
  const row = await figuresOf(page, "poll");
  const box = row.getByRole("checkbox");
  await box.focus();
  await page.keyboard.press("Space");
  await page.waitForFunction(() => document.querySelector("tr.off th")?.textContent.includes("poll"));
  await box.focus();
  await page.keyboard.press("Space");
  await figuresOf(page, "poll");
  await page.context().close();
});

test("it fits its window, in both themes", async () => {
  for (const colorScheme of THEMES) {
    for (const width of WIDTHS) {
      const page = await open(browser, server.url, { colorScheme, viewport: { width, height: 900 } });
      await figuresOf(page, "epoll");
      assert.equal(await overflows(page), false, `${colorScheme}, ${width} px`);
      await page.context().close();
    }
  }
});
