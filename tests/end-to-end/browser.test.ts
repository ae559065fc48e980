import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { S3Client } from "@aws-sdk/client-s3";
import { chromium } from "playwright-core";
import { measurePages } from "../../checks/browser";
import { launchChromium } from "../../checks/browser-launch";
import type { PinnedFrontend } from "../../checks/frontend";
import { sharedBrowser } from "../../checks/shared-browser";
import { readFolder } from "../../builds/folder";
import { frontendBucket, publishFrontends, type Builds } from "../../local/frontend";
import type { BrowserVisit } from "../../release/schema/verification";
import { fixtureFor } from "./fixture";

/** What an address answers: the text and its type. */
type Pages = Map<string, readonly [text: string, type: string]>;

describe("a page in a real browser", function () {
  let store: S3Client | undefined;
  let [folder, server, elsewhere]: [string?, Server?, Server?] = [];
  let builds: Builds;
  let pages: Pages;
  let [url, foreign] = ["", ""];
  let touched = 0;
  const browser = sharedBrowser(() => launchChromium(chromium));
  const clients = { objectStore: () => store!, browser: () => browser.open() };

  before(async function () {
    const { endpoint, region, accessKey, secretKey } = (await fixtureFor(this)).environment.objectStore;
    const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey };
    store = new S3Client({ endpoint, region, forcePathStyle: true, credentials });
    folder = mkdtempSync(join(tmpdir(), "rewind-browser-"));
    builds = await publishFrontends({ endpoint, region, accessKey, secretKey }, folder);
    server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? "/", "http://localhost");
      const found = pages.get(pathname) ?? (pathname.includes(".") ? undefined : pages.get("/index.html"));
      response.writeHead(found === undefined ? 404 : 200, { "content-type": found?.[1] ?? "text/plain" });
      response.end(found?.[0]);
    }).listen(0, "127.0.0.1");
    elsewhere = createServer((_, response) => {
      touched += 1;
      response.end("window.fromElsewhere = true;");
    }).listen(0, "127.0.0.1");
    await Promise.all([once(server, "listening"), once(elsewhere, "listening")]);
    [url, foreign] = [server, elsewhere].map((each) => `http://127.0.0.1:${(each.address() as AddressInfo).port}`) as [
      string,
      string,
    ];
  });
  after(async () => {
    await browser.close();
    store?.destroy();
    server?.close();
    elsewhere?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  /** The address serves this version, as its files are. */
  const serve = async (version: keyof Builds): Promise<void> => {
    const from = join(folder!, version);
    const { manifest } = await readFolder(from);
    pages = new Map(
      manifest.map(({ path, contentType }) => [`/${path}`, [readFileSync(join(from, path), "utf8"), contentType]]),
    );
  };
  const change = (end: string, text: (before: string) => string): void => {
    const [path = "", [before, type] = ["", ""]] = [...pages].find(([each]) => each.endsWith(end)) ?? [];
    pages.set(path, [text(before), type]);
  };
  const measure = async (visit: Partial<BrowserVisit> = {}, build: keyof Builds = "v1.2.0") => {
    const place = { bucket: frontendBucket, url };
    const frontend: PinnedFrontend = { name: "web", build: builds[build], place, bucket: frontendBucket };
    const wanted = { to: "frontend/web", path: "/tasks", visible: "[data-assistant-dock]", ...visit };
    return await measurePages(clients, frontend, wanted, AbortSignal.timeout(60_000));
  };
  const failsWith = async (reason: RegExp, visit: Partial<BrowserVisit> = {}): Promise<void> => {
    const { result, evidence } = await measure(visit);
    assert.equal(result, "failed", evidence);
    assert.match(evidence, reason);
  };

  it("W2 · passes with everything of the pinned build and the assistant dock visible", async () => {
    await serve("v1.2.0");
    const { result, evidence } = await measure({ path: ["/tasks", "/assistant"] });
    assert.equal(result, "passed", evidence);
    assert.match(
      evidence,
      /\/tasks, \/assistant load without an error, \[data-assistant-dock\] is visible, 3 files of sha256:/,
    );
  });

  it("W2 · finds a stale asset, though its name is the pinned one, and a document of another build", async () => {
    await serve("v1.2.0");
    change(".js", (text) => text.replace("How can I help?", "How may I help?"));
    await failsWith(/stale: \/assets\/app-[A-Z0-9]+\.js is not of the pinned build sha256:/);
    await serve("v1.2.1");
    await failsWith(/stale: \/tasks is not of the pinned build/);
  });

  it("W2 · finds an error on the console, one in the page, a file that is missing and an element that is not to be seen", async () => {
    await serve("v1.2.2");
    const { evidence } = await measure({}, "v1.2.2");
    assert.match(evidence, /console error: the assistant has no model/);
    await serve("v1.2.0");
    change(".js", (text) => `${text};throw new Error("cannot go on")`);
    await failsWith(/error in the page: cannot go on/);
    await serve("v1.2.0");
    pages.delete([...pages.keys()].find((path) => path.endsWith(".css")) ?? "");
    await failsWith(/\/assets\/app-[A-Z0-9]+\.css answers 404/);
    await serve("v1.2.0");
    await failsWith(/\[data-nobody\] is not visible/, { visible: "[data-nobody]" });
  });

  it("W2 · asks nobody but the frontend and whom the check allows", async () => {
    await serve("v1.2.0");
    const script = `<script src="${foreign}/track.js"></script></head>`;
    change(".html", (text) => text.replace("</head>", script));
    touched = 0;
    await failsWith(new RegExp(`a request to ${foreign}/track\\.js, which is not allowed`));
    assert.equal(touched, 0, "nothing reached it");
    const { evidence } = await measure({ allow: [foreign] });
    assert.doesNotMatch(evidence, /not allowed/);
    assert.equal(touched, 1);
  });

  it("W2 · breaks with the command to type where there is no browser, and leaves none behind", async () => {
    await serve("v1.2.0");
    await browser.close();
    const before = process.env.REWIND_CHROMIUM;
    process.env.REWIND_CHROMIUM = "/nowhere/chromium";
    try {
      await assert.rejects(measure(), /REWIND_CHROMIUM names \/nowhere\/chromium/);
    } finally {
      if (before === undefined) delete process.env.REWIND_CHROMIUM;
      else process.env.REWIND_CHROMIUM = before;
    }
  });

  it("W2 · tells of the first page that is wrong, whichever was loaded first", async () => {
    await serve("v1.2.0");
    const path = ["/tasks", "/late.html", "/broken.html"];
    const [document, type] = pages.get("/index.html")!;
    const throwing = (script: string) => document.replace("</body>", `<script>${script}</script></body>`);
    pages.set("/late.html", [throwing("setTimeout(() => { throw new Error('late') }, 300)"), type]);
    pages.set("/broken.html", [throwing("throw new Error('at once')"), type]);
    await failsWith(/\/late\.html: .*error in the page: late/, { path });
  });

  it("W2 · goes on with another browser after one has died between two looks", async () => {
    await serve("v1.2.0");
    const { browser: first } = await browser.open();
    await first.close();
    const { result, evidence } = await measure();
    assert.equal(result, "passed", evidence);
    assert.notEqual((await browser.open()).browser, first);
  });

  it("ends with its time, and its pages with it", async () => {
    await serve("v1.2.0");
    const frontend = {
      name: "web",
      build: builds["v1.2.0"],
      place: { bucket: frontendBucket, url },
      bucket: frontendBucket,
    };
    const visit = { to: "frontend/web", path: Array.from({ length: 50 }, () => "/tasks") };
    await assert.rejects(measurePages(clients, frontend, visit, AbortSignal.timeout(1_500)));
    const { browser: open } = await browser.open();
    // Mocha's own limit ends this where a page stays.
    while (open.contexts().length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(open.isConnected(), true, "the browser is for the other checks, too");
  });
});
