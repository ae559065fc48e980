import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chromium } from "playwright-core";
import { environmentIn, launchChromium } from "../../checks/browser-launch";
import { findChromium } from "../../checks/chromium";

const secret = "a-passphrase-that-no-page-may-find";

describe("the browser that looks at pages of others", function () {
  this.timeout(60_000);
  before(function () {
    try {
      findChromium(() => chromium.executablePath());
    } catch (error) {
      if (process.env.REWIND_SKIP_NOTHING === "1") throw error;
      this.skip();
    }
  });

  it("SEC-M11 · has none of this process's variables, and is not root", async function () {
    if (process.platform !== "linux") this.skip();
    process.env.PULUMI_CONFIG_PASSPHRASE = secret;
    const { browser, sandboxed, clear } = await launchChromium(chromium).finally(() => {
      delete process.env.PULUMI_CONFIG_PASSPHRASE;
    });
    let folder = "";
    try {
      const page = await browser.newPage();
      await page.setContent("<h1>hello</h1>");
      assert.equal(await page.textContent("h1"), "hello");
      const found = processes().filter(({ command }) => command.includes("rewind-browser-"));
      assert.ok(found.length > 1);
      for (const { environment, user } of found) {
        assert.doesNotMatch(environment, new RegExp(secret));
        assert.doesNotMatch(environment, /PULUMI|AWS_|REWIND_/);
        if (sandboxed) assert.notEqual(user, 0);
      }
      folder =
        /--user-data-dir=([^\s\0]*?rewind-browser-[^/\0]*)/.exec(found.map(({ command }) => command).join("\0"))?.[1] ??
        "";
      assert.equal(existsSync(folder), sandboxed && process.getuid?.() === 0);
    } finally {
      await browser.close();
      await clear();
    }
    assert.equal(existsSync(folder), false);
  });

  it("SEC-M11 · is told where programs are and which language is spoken, and nothing else", () => {
    const env = {
      PATH: "/bin",
      LANG: "C",
      HOME: "/root",
      AWS_SECRET_ACCESS_KEY: secret,
      PULUMI_CONFIG: secret,
      LD_PRELOAD: "x",
    };
    assert.deepEqual(environmentIn("/tmp/a", env), { PATH: "/bin", LANG: "C", HOME: "/tmp/a", TMPDIR: "/tmp/a" });
  });
});

/** The processes of this machine that may be read. */
function processes(): { readonly command: string; readonly environment: string; readonly user: number }[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^[0-9]+$/.test(pid)) return [];
    try {
      const read = (name: string): string => readFileSync(`/proc/${pid}/${name}`, "utf8");
      const user = Number(/^Uid:\s+([0-9]+)/m.exec(read("status"))?.[1]);
      return [{ command: read("cmdline"), environment: read("environ"), user }];
    } catch {
      return [];
    }
  });
}
