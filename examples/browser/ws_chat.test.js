import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, overflows, picture, start, THEMES, WIDTHS } from "./support.js";

let server, browser;
before(async () => { [server, browser] = [await start("ws_chat"), await launch()]; });
after(async () => { await browser.close(); await server.stop(); });

async function join(name, options) {
  const page = await open(browser, server.url, options);
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Join" }).click();
  await page.getByText(`Welcome, ${name}.`).waitFor();
  return page;
}

async function say(page, text) {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.keyboard.press("Enter");
}

test("two pages chat", async () => {
  const ada = await join("Ada");
  const ben = await join("Ben", { colorScheme: "dark" });
  await ada.getByText("Ben has joined.").waitFor();
  await say(ada, "Is anybody waiting?");
  await ben.getByText("Is anybody waiting?").waitFor();
  await say(ben, "<b>We all are</b>, in one system call.");
  // Shown as it was said: nobody's message is markup.
  await ada.getByText("<b>We all are</b>, in one system call.").waitFor();
  await picture(ada, "ws_chat");
  await ben.context().close();
  await ada.getByText("Ben has left.").waitFor();
  assert.deepEqual(ada.problems, []);
});

test("it fits its window, in both themes", async () => {
  for (const colorScheme of THEMES) {
    for (const width of WIDTHS) {
      const page = await join(`w${width}`, { colorScheme, viewport: { width, height: 700 } });
      await say(page, "a".repeat(400));
      await page.getByText("a".repeat(400)).first().waitFor();
      assert.equal(await overflows(page), false, `${colorScheme}, ${width} px`);
      await page.context().close();
    }
  }
});
