// Looks at reports in a real browser and fails on whatever a reader would stumble over: a word on the console, a request
// that leaves the page, sideways scrolling, tables that do not sort, a dark mode that is not dark, and serious findings
// of axe. First of all it proves on a broken page that each of these checks can fail.
//
//     node tests/browser/check.mjs REPORT.html ..
//
// Beside REPORT.html may stand REPORT.html.texts.json: texts that must be readable on the page, word for word.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WIDTHS, launch, open } from "./browser.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Windows in which axe looks too: both colour schemes, the narrowest and the widest page. */
const AUDITED = [`${WIDTHS[0]} light`, `${WIDTHS.at(-1)} dark`];

const BROKEN = `<!doctype html><html lang="en"><title>x</title><body style="background: white">
<div style="width: 3000px">wide</div><img src="https://example.invalid/x.png"><a href="javascript:alert(1)">x</a>
<script>console.error("word")</script>
<section id="overview"><div class="scroll" style="overflow: auto; width: 9em"><p style="width: 30em">cut</p></div></section>
<table class="sortable"><thead><tr><th>a</th></tr></thead><tbody><tr><th>1</th></tr><tr><th>2</th></tr></tbody></table>`;

const textsOf = (file) => `${file}.texts.json`;

/** Everything that is wrong with how a page looks and behaves in one window. */
async function look(browser, file, width, colorScheme) {
  const { page, complaints, close } = await open(browser, file, { width, colorScheme });
  const found = await page.evaluate(() => {
    const wrong = [];
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth) wrong.push(`scrolls sideways: ${root.scrollWidth} of ${root.clientWidth} pixels`);
    const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number);
    const light = 0.299 * red + 0.587 * green + 0.114 * blue > 128;
    if (light === matchMedia("(prefers-color-scheme: dark)").matches) wrong.push("the background is not that of the colour scheme");
    for (const each of document.querySelectorAll("details")) each.open = true;
    return wrong;
  });
  if (!existsSync(textsOf(file))) {
    // Texts of any length may be cut there; names and figures of a shop may not.
    const frames = page.locator("#overview .scroll");
    for (const [inner, outer] of await frames.evaluateAll((all) => all.map((each) => [each.scrollWidth, each.clientWidth]))) {
      if (inner > outer) found.push(`the overview is cut: ${inner} of ${outer} pixels`);
    }
  }
  if (!AUDITED.includes(`${width} ${colorScheme}`)) {
    await close();
    return [...complaints, ...found];
  }
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  found.push(...serious.map(({ id, nodes }) => `axe: ${id}, ${nodes.length} times: ${nodes[0].html.slice(0, 200)} ${nodes[0].failureSummary}`));
  await close();
  return [...complaints, ...found];
}

/** What in the page is not ours: elements, links, handlers. */
async function strangers(browser, file) {
  const { page, complaints, close } = await open(browser, file);
  const found = await page.evaluate(() => {
    const wrong = [];
    const count = (selector) => document.querySelectorAll(selector).length;
    if (count("script") !== 1 || count("style") !== 1) wrong.push(`${count("script")} scripts, ${count("style")} styles`);
    for (const each of document.querySelectorAll("*")) {
      if (/^(img|iframe|object|embed|form|input|base|link|video|audio|marquee)$/i.test(each.localName)) wrong.push(`an element ${each.localName}`);
      for (const { name, value } of each.attributes) {
        if (name.startsWith("on") || name === "style" || name === "src") wrong.push(`an attribute ${name}`);
        if (/href$/.test(name) && !value.startsWith("#")) wrong.push(`a link to ${value}`);
      }
    }
    return wrong;
  });
  const texts = textsOf(file);
  if (existsSync(texts)) {
    // Browsers take any number of spaces for one.
    const plain = (text) => text.replaceAll(/\s+/g, " ");
    const read = plain(await page.evaluate(() => document.body.textContent));
    for (const text of JSON.parse(readFileSync(texts, "utf8"))) if (!read.includes(plain(text))) found.push(`cannot be read: ${text}`);
  }
  await close();
  return [...complaints, ...found];
}

/** Presses every heading twice and compares the order with the figures. */
async function sorting(browser, file) {
  const { page, complaints, close } = await open(browser, file);
  const found = await page.evaluate(() => {
    const wrong = [];
    const tables = [...document.querySelectorAll("table.sortable")];
    if (tables.length === 0) wrong.push("no table sorts");
    for (const table of tables) {
      [...table.tHead.rows[0].cells].forEach((head, column) => {
        const name = `${table.caption?.textContent}, ${head.textContent}`;
        const button = head.querySelector("button");
        if (!button) return wrong.push(`${name}: no button`);
        const orders = new Set();
        for (let press = 0; press < 2; press += 1) {
          button.click();
          const order = head.getAttribute("aria-sort");
          orders.add(order);
          const cells = [...table.tBodies[0].rows].map((row) => row.cells[column]);
          const numbers = cells.filter((cell) => cell.dataset.v !== undefined).map((cell) => Number(cell.dataset.v));
          const sorted = [...numbers].sort((a, b) => (order === "ascending" ? a - b : b - a));
          if (String(sorted) !== String(numbers)) wrong.push(`${name}: ${numbers} is not ${order}`);
          const texts = cells.map((cell) => cell.textContent);
          const ordered = [...texts].sort((a, b) => a.localeCompare(b, "en") * (order === "ascending" ? 1 : -1));
          if (numbers.length === 0 && String(ordered) !== String(texts)) wrong.push(`${name}: ${texts} is not ${order}`);
        }
        if (orders.size !== 2) wrong.push(`${name}: the second press changes nothing`);
      });
    }
    return wrong;
  });
  await close();
  return [...complaints, ...found];
}

/** On paper it is light, and without scripts it is whole. */
async function plain(browser, file) {
  const { page, complaints, close } = await open(browser, file, { colorScheme: "dark", javaScriptEnabled: false });
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  const found = [];
  const background = await page.locator("body").evaluate((body) => getComputedStyle(body).backgroundColor);
  if (background !== "rgb(255, 255, 255)") found.push(`paper is ${background}`);
  if ((await page.locator("table tbody tr").count()) === 0) found.push("no rows without scripts");
  await close();
  return [...complaints, ...found];
}

async function provesItself(browser) {
  const folder = mkdtempSync(join(tmpdir(), "segmint-broken-"));
  try {
    const file = join(folder, "broken.html");
    writeFileSync(file, BROKEN);
    const seen = [await look(browser, file, 390, "light"), await look(browser, file, 390, "dark"), await strangers(browser, file), await sorting(browser, file)].flat().join("\n");
    const expected = ["console error: word", "request: https://example.invalid", "scrolls sideways", "the overview is cut", "background", "axe: image-alt", "an element img", "a link to javascript", "no button"];
    return expected.filter((word) => !seen.includes(word)).map((word) => `a broken page was not seen to be broken: ${word}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error("usage: node check.mjs REPORT.html ..");
  process.exit(2);
}
const browser = await launch();
const wrong = await provesItself(browser);
for (const file of files) {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of WIDTHS) {
      for (const found of await look(browser, file, width, colorScheme)) wrong.push(`${file}, ${width} pixels, ${colorScheme}: ${found}`);
    }
  }
  for (const check of [strangers, sorting, plain]) {
    for (const found of await check(browser, file)) wrong.push(`${file}, ${check.name}: ${found}`);
  }
}
await browser.close();
wrong.forEach((line) => console.error(line));
console.log(`${files.length} reports, ${wrong.length} complaints`);
process.exit(wrong.length > 0 ? 1 : 0);
