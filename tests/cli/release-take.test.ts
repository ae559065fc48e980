import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { takeReleases } from "../../cli/release-take";
import { schemas } from "../../cli/json/verbs";
import { Refusal } from "../../cli/result";
import { readStack } from "../../cli/stack-file";
import { broughtKeys } from "../../release/brought";
import { project } from "../release/stack-files";

interface StackText {
  config: Record<string, unknown>;
  [key: string]: unknown;
}

/** Every value of a document that is no map, by the keys that lead there. */
function leaves(value: unknown, at: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [at];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...at, key]));
}

describe("rewind release take", () => {
  let here: string;
  let there: string;
  const file = "Pulumi.prod.yaml";
  beforeEach(() => {
    [here, there] = [mkdtempSync(join(tmpdir(), "rewind-take-")), mkdtempSync(join(tmpdir(), "rewind-took-"))];
    for (const folder of [here, there]) {
      for (const each of [file, "Pulumi.yaml"]) cpSync(join(project, each), join(folder, each));
      cpSync(join(project, "releases"), join(folder, "releases"), { recursive: true });
    }
  });
  afterEach(() => {
    for (const folder of [here, there]) rmSync(folder, { recursive: true, force: true });
  });
  const where = () => ({ folder: here, stack: "prod" });
  const take = () => {
    const result = takeReleases(where(), there);
    schemas["release take"]?.parse(result.json);
    return result;
  };
  const edited = (change: (stack: StackText) => void, folder = there): void => {
    const stack = parse(readFileSync(join(folder, file), "utf8")) as StackText;
    change(stack);
    writeFileSync(join(folder, file), stringify(stack, { defaultStringType: "QUOTE_DOUBLE" }));
  };
  const refused = (): Refusal => {
    const before = readFileSync(join(here, file), "utf8");
    try {
      take();
    } catch (error) {
      assert.ok(error instanceof Refusal, String(error));
      assert.equal(readFileSync(join(here, file), "utf8"), before, "nothing was written");
      return error;
    }
    return assert.fail("it was taken");
  };

  it("SEC-H5 · refuses another value at every single place of a stack file that no release is made of, and names it", () => {
    const stack = parse(readFileSync(join(project, file), "utf8")) as StackText;
    stack.config["rewind:secrets"] = { "api-token": { secure: "v1:a" } };
    stack.encryptionsalt = "v1:salt";
    for (const folder of [here, there])
      writeFileSync(join(folder, file), stringify(stack, { defaultStringType: "QUOTE_DOUBLE" }));
    const taken = new Set<string>(broughtKeys.map((key) => `rewind:${key}`));
    const places = leaves(stack).filter(([top, key = ""]) => top !== "config" || !taken.has(key));
    assert.ok(places.length > 150, String(places.length));
    for (const path of places) {
      const changed = structuredClone(stack);
      const holder = path.slice(0, -1).reduce((value, key) => value[key] as StackText, changed);
      holder[path.at(-1) ?? ""] = "changed";
      writeFileSync(join(there, file), stringify(changed, { defaultStringType: "QUOTE_DOUBLE" }));
      const { message } = refused();
      const inner = path[1] === "rewind:secrets" ? path.slice(1, 3) : path[0] === "config" ? path.slice(1) : path;
      const name = inner.join(".").replace(/^rewind:/, "");
      assert.ok(message.includes(` ${name}: `), `${path.join(".")}: ${message}`);
    }
  }).timeout(120_000);

  it("takes a release, the pin and toggles, keeps every other value and every ciphertext, and says what it wrote", () => {
    const secret = (stack: StackText): void => {
      stack.config["rewind:secrets"] = { "api-token": { secure: "v1:a" } };
      stack.encryptionsalt = "v1:salt";
    };
    edited(secret, here);
    edited(secret);
    edited((stack) => {
      const releases = stack.config["rewind:releases"] as Record<string, object>;
      releases["v9.0.0"] = { ...releases["v1.2.0"], description: "yes: no # 0x1f\n@you" };
      stack.config["rewind:release"] = "v9.0.0";
    });
    const before = parse(readFileSync(join(here, file), "utf8")) as StackText;
    const { json, text } = take();
    assert.deepEqual(json, {
      stack: "prod",
      keys: ["release", "releases"],
      added: ["v9.0.0"],
      changed: [],
      removed: [],
      files: [],
    });
    assert.match(text, /Written: Pulumi\.prod\.yaml\nNext: rewind can-rollback --stack prod$/);
    const after = parse(readFileSync(join(here, file), "utf8")) as StackText;
    for (const key of ["rewind:release", "rewind:releases"]) {
      Reflect.deleteProperty(before.config, key);
      Reflect.deleteProperty(after.config, key);
    }
    assert.deepEqual(after, before);
    const { settings } = readStack(where());
    assert.equal(settings.release, "v9.0.0");
    assert.equal(settings.releases.get("v9.0.0")?.description, "yes: no # 0x1f\n@you");
    assert.match(take().text, /^Nothing to take/);
  });

  it("compares what is meant: comments, order and another way to write the same are no difference", () => {
    edited((stack) => {
      stack.config = Object.fromEntries(Object.entries(stack.config).reverse());
    });
    assert.match(take().text, /^Nothing to take/);
  });

  it("takes releases that moved into an archive, with their files; a file that is not what its digest says is refused", () => {
    const release = join(there, "releases", "v8.0.0.yaml");
    writeFileSync(release, "services: {}\n");
    edited((stack) => {
      const releases = stack.config["rewind:releases"] as Record<string, object>;
      releases["v8.0.0"] = { file: "releases/v8.0.0.yaml", digest: `sha256:${"0".repeat(64)}` };
    });
    assert.match(refused().message, /releases\.v8\.0\.0\.digest: releases\/v8\.0\.0\.yaml has sha256:/);
    const digest = /has (sha256:[0-9a-f]{64})/.exec(refused().message)?.[1];
    edited((stack) => {
      const releases = stack.config["rewind:releases"] as Record<string, object>;
      releases["v8.0.0"] = { file: "releases/v8.0.0.yaml", digest };
    });
    assert.deepEqual(take().json.files, ["releases/v8.0.0.yaml"]);
    assert.equal(readFileSync(join(here, "releases", "v8.0.0.yaml"), "utf8"), "services: {}\n");
  });

  it("SEC-H5 · writes through no link that this checkout has, and follows none in the other", () => {
    const outside = mkdtempSync(join(tmpdir(), "rewind-outside-"));
    try {
      edited((stack) => {
        const releases = stack.config["rewind:releases"] as Record<string, object>;
        releases["v8.0.0"] = { file: "more/v8.yaml", digest: `sha256:${"0".repeat(64)}` };
      });
      mkdirSync(join(there, "more"));
      writeFileSync(join(there, "more", "v8.yaml"), "services: {}\n");
      symlinkSync(outside, join(here, "more"));
      assert.match(refused().message, /more\/v8\.yaml is a link, or lies behind one/);
    } finally {
      rmSync(outside, { recursive: true });
    }
  });

  it("refuses a folder that is none, and a stack that the other checkout does not have, with what to type", () => {
    assert.throws(
      () => takeReleases(where(), join(there, "none")),
      (error) => error instanceof Refusal && error.next.startsWith("rewind release take <folder>"),
    );
    rmSync(join(there, file));
    assert.match(refused().message, /no file Pulumi\.prod\.yaml/);
  });
});
