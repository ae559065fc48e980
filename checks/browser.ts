import { createHash } from "node:crypto";
import type { Browser, Page, Response, Route } from "playwright-core";
import { counted, oneLine } from "../release/text";
import type { Manifest } from "../release/frontend-build";
import type { Digest } from "../release/primitives";
import { fallbackOf } from "../release/schema/frontend";
import type { BrowserVisit } from "../release/schema/verification";
import { fetchManifest } from "./stored-build";
import type { Clients } from "./clients";
import type { PinnedFrontend } from "./frontend";
import type { Measurement } from "./probe";

/** What must come from the pinned build whenever it comes from the frontend's own address. */
const ofTheBuild = new Set(["document", "script", "stylesheet"]);
const mostProblems = 3;
/** A page is a few processes, and the machine has the update to carry as well. */
const pagesAtOnce = 4;

/**
 * Loads pages in a real browser, a few side by side, each with an empty profile: no error on the console, none in the
 * page, no request that fails or goes elsewhere, the declared element visible, and every document, script and stylesheet
 * of the pinned build. After a page that is not right no other is begun.
 * @throws Error when there is no browser, with the command that installs one
 */
export async function measurePages(
  clients: Pick<Clients, "objectStore" | "browser">,
  frontend: PinnedFrontend,
  visit: BrowserVisit,
  signal: AbortSignal,
): Promise<Measurement> {
  const [manifest, { browser, sandboxed }] = await Promise.all([
    fetchManifest(clients, frontend.bucket, frontend.build, signal),
    clients.browser(),
  ]);
  if (manifest === undefined) return { result: "failed", evidence: `the store has no build ${frontend.build}` };
  const paths = typeof visit.path === "string" ? [visit.path] : visit.path;
  const loaded = new Set<string>();
  const wrong = new Map<number, string[]>();
  const waiting = paths.entries();
  const lookInTurn = async (): Promise<void> => {
    for (const [at, path] of waiting) {
      signal.throwIfAborted();
      const problems = await look(browser, frontend, manifest, { ...visit, path }, loaded, signal);
      if (problems.length > 0) wrong.set(at, problems);
      if (wrong.size > 0) return;
    }
  };
  await Promise.all(Array.from({ length: pagesAtOnce }, lookInTurn));
  for (const [at, path] of paths.entries()) {
    const problems = wrong.get(at);
    if (problems === undefined) continue;
    const more = problems.length > mostProblems ? ` and ${problems.length - mostProblems} more` : "";
    const told = `${problems.slice(0, mostProblems).join("; ")}${more}`;
    return { result: "failed", evidence: `${frontend.place.url}${path}: ${told}` };
  }
  const seen = visit.visible === undefined ? "" : `, ${visit.visible} is visible`;
  const evidence = `${paths.join(", ")} load without an error${seen}, ${counted(loaded.size, "file")} of ${frontend.build}`;
  if (sandboxed) return { result: "passed", evidence };
  return { result: "passed", evidence: `${evidence}; the browser ran as root, without its sandbox`, warning: true };
}

/** What is wrong with one page; every file of the build that it loaded is added to `loaded`. */
async function look(
  browser: Browser,
  { place, build }: PinnedFrontend,
  manifest: Manifest,
  { path, visible, allow = [] }: BrowserVisit & { path: string },
  loaded: Set<string>,
  signal: AbortSignal,
): Promise<string[]> {
  const problems: string[] = [];
  const own = new URL(place.url).origin;
  const allowed = new Set([own, ...allow.map((each) => new URL(each).origin)]);
  const blocked = new Set<string>();
  // A profile of its own, so that nothing is kept from an earlier page. A service worker could answer for the build.
  const context = await browser.newContext({ serviceWorkers: "block" });
  const close = (): void => {
    context.close().catch(() => undefined);
  };
  signal.addEventListener("abort", close, { once: true });
  try {
    signal.throwIfAborted();
    await context.route("**", (route) => guard(route, allowed, blocked, problems));
    await context.routeWebSocket(
      (url) => !allowed.has(url.origin.replace(/^ws/, "http")),
      (socket) => {
        problems.push(`a connection to ${socket.url()}, which is not allowed`);
        return socket.close();
      },
    );
    const page = await context.newPage();
    page.on("console", (message) => {
      // The browser says on the console, too, what it was kept from asking.
      const ofBlocked = blocked.has(message.location().url);
      if (message.type() === "error" && !ofBlocked) problems.push(`console error: ${oneLine(message.text())}`);
    });
    page.on("pageerror", (error) => problems.push(`error in the page: ${oneLine(error.message)}`));
    page.on("requestfailed", (request) => {
      const reason = request.failure()?.errorText ?? "no reason given";
      // A page that goes on to the next one drops what it had asked for.
      if (!blocked.has(request.url()) && reason !== "net::ERR_ABORTED")
        problems.push(`${request.url()} failed: ${reason}`);
    });
    const comparisons: Promise<void>[] = [];
    page.on("response", (response) => {
      if (new URL(response.url()).origin !== own) return;
      const compared = compare(response, manifest, fallbackOf(place), build, loaded, problems);
      // Nobody waits for it yet; what it throws is the check's, not the process's end.
      comparisons.push(compared.catch((error: unknown) => void problems.push(oneLine(String(error)))));
    });
    const answer = await page.goto(`${place.url}${path}`, { waitUntil: "load" });
    if (answer?.status() !== 200) problems.push(`answers ${answer?.status() ?? "nothing"}, expected 200`);
    if (visible !== undefined && problems.length === 0) await awaitVisible(page, visible, problems);
    // Errors come after the page, too. One that never rests is looked at for this long.
    await page.waitForLoadState("networkidle", { timeout: 2_000 }).catch(() => undefined);
    await Promise.all(comparisons);
    return problems;
  } finally {
    signal.removeEventListener("abort", close);
    await context.close();
  }
}

async function guard(route: Route, allowed: Set<string>, blocked: Set<string>, problems: string[]): Promise<void> {
  const url = route.request().url();
  if (/^(?:data|blob|about):/.test(url) || allowed.has(new URL(url).origin)) {
    await route.continue();
    return;
  }
  blocked.add(url);
  problems.push(`a request to ${url}, which is not allowed`);
  await route.abort("blockedbyclient");
}

/** The path of a URL, without the slash before it; undefined when its percent signs say nothing. */
function pathOf(url: string): string | undefined {
  try {
    return decodeURIComponent(new URL(url).pathname).slice(1);
  } catch {
    return undefined;
  }
}

async function compare(
  response: Response,
  manifest: Manifest,
  fallback: string,
  build: Digest,
  loaded: Set<string>,
  problems: string[],
): Promise<void> {
  const type = response.request().resourceType();
  const path = pathOf(response.url());
  if (path === undefined) {
    problems.push(`${oneLine(response.url())} is no path of a build`);
    return;
  }
  const named = manifest.find((file) => file.path === path);
  const status = response.status();
  if (status >= 400) problems.push(`/${path} answers ${status}`);
  const file = named ?? (type === "document" ? manifest.find((each) => each.path === fallback) : undefined);
  if (status !== 200 || (file === undefined && !ofTheBuild.has(type))) return;
  const body = await response.body().catch(() => undefined);
  if (body === undefined) return;
  if (file?.sha256 === createHash("sha256").update(body).digest("hex")) loaded.add(file.path);
  else problems.push(`stale: /${path} is not of the pinned build ${build}`);
}

async function awaitVisible(page: Page, selector: string, problems: string[]): Promise<void> {
  try {
    await page.locator(`css=${selector}`).first().waitFor({ state: "visible", timeout: 5_000 });
  } catch (error) {
    const late = error instanceof Error && error.name === "TimeoutError";
    problems.push(
      late ? `${selector} is not visible` : oneLine(error instanceof Error ? error.message : String(error)),
    );
  }
}
