import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, overflows, picture, start, THEMES, WIDTHS } from "./support.js";

let server, browser;
before(async () => { [server, browser] = [await start("httpd"), await launch()]; });
after(async () => { await browser.close(); await server.stop(); });

test("the page is loaded with its style and its picture", async () => {
  const page = await open(browser, server.url);
  const image = page.getByRole("img");
  await image.waitFor();
  assert.equal(await image.evaluate((image) => image.complete && image.naturalWidth), 520);
  assert.match(await page.evaluate(() => getComputedStyle(document.documentElement).fontFamily), /system-ui/);
  assert.deepEqual(page.problems, []);
  await picture(page, "httpd");
});

test("a page that was loaded before is not sent again", async () => {
  const page = await open(browser, server.url);
  const again = page.waitForResponse((response) => response.url().endsWith("picture.svg"));
  await page.reload();
  assert.ok([200, 304].includes((await again).status()));
  const status = await page.evaluate(async () => {
    const first = await fetch("hello.txt", { cache: "no-store" });
    const tag = first.headers.get("etag");
    return (await fetch("hello.txt", { cache: "no-store", headers: { "If-None-Match": tag } })).status;
  });
  assert.equal(status, 304);
});

test("it fits its window, in both themes", async () => {
  for (const colorScheme of THEMES) {
    for (const width of WIDTHS) {
      const page = await open(browser, server.url, { colorScheme, viewport: { width, height: 800 } });
      assert.equal(await overflows(page), false, `${colorScheme}, ${width} px`);
      await page.context().close();
    }
  }
});
