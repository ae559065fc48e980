import assert from "node:assert/strict";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { withPin } from "../../project/pin";
import { addRelease } from "../../cli/release-add";
import { abort } from "../../cli/resume";
import { readStack } from "../../cli/stack-file";
import { setToggle } from "../../cli/toggle";
import { deploy, rollbackBegun } from "./deployed";
import { lockedEngineIn } from "./process";
import { freshCopies } from "./project";

describe("a stack file that is a link to one that a group works on", () => {
  const copy = freshCopies();
  const path = process.env.PATH;
  const target = () => join(copy().folder, "shared", "staging.yaml");
  /** Puts the stack file elsewhere, with a mode that no new file gets here, and a link in its place. */
  const link = (mode: number): void => {
    mkdirSync(join(copy().folder, "shared"));
    renameSync(copy().file, target());
    symlinkSync(join("shared", "staging.yaml"), copy().file);
    chmodSync(target(), mode);
  };
  const assertLinked = (mode: number): void => {
    assert.ok(lstatSync(copy().file).isSymbolicLink(), "the link became a file");
    assert.equal(readlinkSync(copy().file), join("shared", "staging.yaml"));
    assert.equal((statSync(target()).mode & 0o777).toString(8), mode.toString(8));
  };
  const { signal } = new AbortController();
  const toggle = (apply: boolean, value: string | undefined = "true") =>
    setToggle(copy().where, {
      ...{ toggle: "AUTOPILOT_WORKER_DISABLED", value, reason: "runaway jobs", apply },
      ...{ tell: () => undefined, signal },
    });
  beforeEach(() => {
    lockedEngineIn(copy().folder);
    process.env.PATH = join(copy().folder, "bin");
  });
  afterEach(() => {
    process.env.PATH = path;
  });

  it("stays a link with its mode when a toggle is set, and when an update that is refused puts it back", async () => {
    deploy(copy(), "v1.2.1");
    lockedEngineIn(copy().folder);
    link(0o664);
    const before = copy().text();
    assert.notEqual((await toggle(true)).code, 0);
    assert.equal(copy().text(), before);
    assertLinked(0o664);
    assert.equal((await toggle(false)).code, 0);
    assert.match(copy().text(), /AUTOPILOT_WORKER_DISABLED: true/);
    assertLinked(0o664);
  });

  it("stays a link with its mode when a release is added and pinned", () => {
    link(0o664);
    addRelease(copy().where, {
      ...{ id: "v1.2.3", from: undefined, images: [], builds: [], rowFiles: [], removed: [], schema: undefined },
      ...{ description: undefined, file: undefined, baseline: undefined, pin: true },
      values: ["config.scoring_config.fc_share.value=0.4"],
    });
    assert.equal(readStack(copy().where).settings.release, "v1.2.3");
    assertLinked(0o664);
  });

  it("stays a link with its mode when the pin of a rollback that touched nothing is put back", async () => {
    deploy(copy(), "v1.2.0");
    deploy(copy(), "v1.2.1");
    readStack(copy().where).log.append(rollbackBegun("v1.2.0", { host: "elsewhere", pid: 1 }));
    writeFileSync(copy().file, withPin(copy().text(), "v1.2.0", {}));
    lockedEngineIn(copy().folder);
    link(0o640);
    const given = await abort(copy().where, {
      ...{ agreed: "named", gone: true, signal, tell: () => undefined, now: () => new Date() },
      confirm: () => assert.fail("nothing is to be agreed to"),
    });
    assert.equal(given.code, 0, given.text);
    assert.equal(readStack(copy().where).settings.release, "v1.2.1");
    assertLinked(0o640);
  });
}).timeout(60_000);
