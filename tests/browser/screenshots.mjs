// Pictures of a report as people see it: three widths, light and dark, and on paper.
//
//     node tests/browser/screenshots.mjs runs/demo/report.html target/screenshots
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { WIDTHS, launch, open } from "./browser.mjs";

const [file, folder] = process.argv.slice(2);
if (!file || !folder) {
  console.error("usage: node screenshots.mjs REPORT.html FOLDER");
  process.exit(2);
}
mkdirSync(folder, { recursive: true });
const browser = await launch();
for (const colorScheme of ["light", "dark"]) {
  for (const width of WIDTHS) {
    const { page, close } = await open(browser, file, { width, colorScheme });
    await page.screenshot({ path: join(folder, `${colorScheme}-${width}.png`), fullPage: true });
    await close();
  }
}
const { page, close } = await open(browser, file);
await page.pdf({ path: join(folder, "print.pdf"), format: "A4", preferCSSPageSize: true, printBackground: true });
await page.emulateMedia({ media: "print" });
await page.setViewportSize({ width: 680, height: 1000 });
await page.screenshot({ path: join(folder, "print.png"), fullPage: true });
await close();
await browser.close();
