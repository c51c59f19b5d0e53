// SPDX-License-Identifier: Apache-2.0
// The API pages in a real browser: they show the operations, and nothing on them breaks a rule.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { start } from "./harness.mjs";

const folder = mkdtempSync(join(tmpdir(), "perdure-browser-"));
const screenshots = process.env.TEST_SCREENSHOTS; // a folder to keep them in
let browser;

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.TEST_CHROMIUM,
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
});

after(async () => {
  await browser.close();
  rmSync(folder, { recursive: true });
});

/** A page of the real server; what it complains of, or asks others for, is collected. */
async function visit(t, path) {
  const { port } = await start(t, process.env.TEST_PROGRAM,
    ["serve", "--data-dir", mkdtempSync(join(folder, "data-")), "--listen", "127.0.0.1:0"],
    { PERDURE_ADMIN_KEY: "an-admin-key-for-the-tests" });
  const origin = `http://127.0.0.1:${port}`;
  const page = await browser.newPage({ viewport: { width: 1280, height: 1600 } });
  t.after(() => page.close());
  const complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") {
      complaints.push(message.text());
    }
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("requestfailed", (request) => complaints.push(`failed: ${request.url()}`));
  page.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`);
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(data|blob):/.test(url)) complaints.push(`asked ${url}`);
  });
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`CSP ${event.violatedDirective}: ${event.blockedURI}`);
    });
  });
  await page.goto(origin + path);
  const document = await (await fetch(origin + "/openapi.json")).json();
  const operations = Object.values(document.paths).flatMap((item) =>
    Object.values(item).filter((operation) => operation.operationId));
  return { page, complaints, operations };
}

async function keep(page, name) {
  if (screenshots) await page.screenshot({ path: join(screenshots, `${name}.png`) });
}

test("/docs lists every operation and shows one when it is clicked", async (t) => {
  const { page, complaints, operations } = await visit(t, "/docs");
  await page.waitForSelector(".opblock");
  assert.equal(await page.locator(".opblock").count(), operations.length);
  await page.locator(".opblock-summary-control").first().click();
  await page.waitForSelector(".opblock-body .responses-wrapper");
  await keep(page, "docs");
  assert.deepEqual(complaints, []);
});

test("/redoc lists every operation", async (t) => {
  const { page, complaints, operations } = await visit(t, "/redoc");
  await page.waitForSelector("[data-section-id^='tag/']");
  await page.waitForFunction((wanted) =>
    document.querySelectorAll("[id*='/operation/']").length >= wanted, operations.length);
  await keep(page, "redoc");
  assert.deepEqual(complaints, []);
});
