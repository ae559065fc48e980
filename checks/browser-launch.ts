import { execFile, spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Browser, BrowserType } from "playwright-core";
import { findChromium } from "./chromium";

/** A browser that was started for a check. */
export interface Launched {
  readonly browser: Browser;
  /** Whether pages are kept apart from this machine by the browser's own sandbox. */
  readonly sandboxed: boolean;
  /** Removes what the browser left on the disk, once it is closed. */
  readonly clear: () => Promise<void>;
}

/** Beside what playwright switches off itself: nothing but the page goes anywhere. */
const quiet = ["--no-pings", "--disable-domain-reliability", "--no-default-browser-check", "--dns-prefetch-disable"];

/** The account that owns nothing. */
const nobody = 65_534;

/**
 * Starts Chromium for pages that others wrote. Its environment is its own: in an update this process has the stack's
 * secrets in its variables. Root cannot use the browser's sandbox, so it runs as `nobody` then; where that cannot be, it
 * runs as root and without it, which the result says.
 * @throws Error when there is no browser, with the command that installs one
 */
export async function launchChromium(chromium: BrowserType): Promise<Launched> {
  const executablePath = findChromium(() => chromium.executablePath());
  const folder = mkdtempSync(join(tmpdir(), "rewind-browser-"));
  const profile = join(folder, "profile");
  mkdirSync(profile, { mode: 0o700 });
  const isRoot = process.platform === "linux" && process.getuid?.() === 0;
  const otherAccount = isRoot && (await hasSetpriv());
  const clearNow = (): void => {
    // What nobody made is removed as nobody: a link in it leads root nowhere then. The folder itself is root's.
    if (otherAccount) spawnSync("setpriv", [...account, "rm", "-rf", "--", profile]);
    rmSync(folder, { recursive: true, force: true });
  };
  // An update that fails ends the process at once. Playwright ends the browser then.
  process.once("exit", clearNow);
  const clear = async (): Promise<void> => {
    process.removeListener("exit", clearNow);
    if (otherAccount) await execute("setpriv", [...account, "rm", "-rf", "--", profile]).catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
  };
  const launch = (program: string, chromiumSandbox: boolean): Promise<Browser> =>
    chromium.launch({
      executablePath: program,
      headless: true,
      chromiumSandbox,
      args: quiet,
      env: environmentIn(profile),
      // The gates end the process themselves, after they wrote what became of the update.
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    });
  try {
    if (!isRoot) return { browser: await launch(executablePath, true), sandboxed: true, clear };
    if (otherAccount) {
      const program = asNobody(executablePath, folder, profile);
      const browser = await launch(program, true).catch(() => undefined);
      if (browser !== undefined) return { browser, sandboxed: true, clear };
      chownSync(profile, 0, 0);
    }
    return { browser: await launch(executablePath, false), sandboxed: false, clear };
  } catch (error) {
    await clear();
    throw error;
  }
}

/** What the browser finds in its environment: nothing of this process but where programs are, and the language. */
export function environmentIn(folder: string, env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const kept = ["PATH", "LANG", "SystemRoot", "DISPLAY"].flatMap((name): [string, string][] => {
    const value = env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return { ...Object.fromEntries(kept), HOME: folder, TMPDIR: folder };
}

const execute = promisify(execFile);

/** Whether the machine has the program that changes the account. */
const hasSetpriv = (): Promise<boolean> =>
  execute("setpriv", ["--version"]).then(
    () => true,
    () => false,
  );

const account = [`--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups", "--inh-caps=-all"];

/** Writes a program that starts the browser as `nobody`, and gives the profile to that account. Returns its path. */
function asNobody(executablePath: string, folder: string, profile: string): string {
  const program = join(folder, "browser");
  // Of two profiles on its command line the browser takes the last: playwright's own belongs to root.
  const line = `exec setpriv ${account.join(" ")} ${quoted(executablePath)} "$@" --user-data-dir=${quoted(profile)}`;
  writeFileSync(program, `#!/bin/sh\n${line}\n`, { mode: 0o700 });
  chownSync(profile, nobody, nobody);
  chmodSync(folder, 0o711);
  return program;
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
