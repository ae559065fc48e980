import assert from "node:assert/strict";
import fs, {
  chmodSync,
  chownSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mock } from "node:test";
import {
  makeFolder,
  syncFile,
  syncFolder,
  shared,
  syncName,
  writeAtomically,
  writeNew,
} from "../../records/atomic-file";
import { Disk, type Step } from "../faults/disk";
import { umaskNow } from "./umask";

describe("a file that is written as a whole", () => {
  let folder = "";
  let path = "";
  const onDisk = async (act: () => void): Promise<readonly Step[]> => {
    const disk = new Disk(folder);
    await disk.during(act);
    return disk.steps;
  };
  const kindsOf = (steps: readonly Step[]): string => steps.map(({ kind }) => kind).join(" ");
  const syncedIn = (steps: readonly Step[]) => steps.flatMap((step) => (step.kind === "sync" ? [step.node] : []));
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-atomic-"));
    path = join(folder, "file");
  });
  afterEach(() => {
    mock.restoreAll();
    rmSync(folder, { recursive: true });
  });

  it("is on the disk under another name before it has its own, and that is on the disk when it returns", async () => {
    const steps = await onDisk(() => {
      writeAtomically(path, "text");
    });
    assert.equal(kindsOf(steps), "make write sync move sync");
    assert.deepEqual(syncedIn(steps), [1, 0]);
    const [made] = steps;
    assert.match(made?.kind === "make" ? made.name : "", /^file\.[0-9a-f]{8}\.partial$/);
    assert.equal(readFileSync(path, "utf8"), "text");
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it("replaces what was there, and leaves it where it is when it cannot", async () => {
    writeFileSync(path, "old");
    writeAtomically(path, "new");
    assert.equal(readFileSync(path, "utf8"), "new");
    for (const at of [1, 2, 3, 4]) {
      const disk = new Disk(folder, { at, how: "EIO" });
      await disk.during(() => {
        assert.throws(() => {
          writeAtomically(path, "newer");
        }, /EIO/);
      });
      assert.equal(readFileSync(path, "utf8"), "new");
      assert.deepEqual(readdirSync(folder), ["file"]);
    }
  });

  it("keeps its mode and its group, and a link to it stays one", () => {
    for (const mode of [0o640, 0o664, 0o600]) {
      writeFileSync(path, "old");
      chmodSync(path, mode);
      const link = join(folder, "link");
      rmSync(link, { force: true });
      symlinkSync("file", link);
      const { gid, uid } = statSync(path);
      writeAtomically(link, "new");
      const { mode: after, ...owner } = statSync(path);
      assert.equal(after & 0o777, mode);
      assert.deepEqual([owner.gid, owner.uid], [gid, uid]);
      assert.ok(lstatSync(link).isSymbolicLink());
      assert.equal(readFileSync(path, "utf8"), "new");
    }
  });

  it("has the mode of a shared file as the umask leaves it, where it is new and asked for", () => {
    const umask = process.umask(0o002);
    try {
      writeAtomically(path, "text", shared);
    } finally {
      process.umask(umask);
    }
    assert.equal(statSync(path).mode & 0o777, 0o664);
  });

  it("keeps another's owner and group where we may set them, and lends nothing to another group where not", function () {
    if (process.getuid?.() !== 0) this.skip();
    writeFileSync(path, "old");
    chmodSync(path, 0o664);
    chownSync(path, 12_345, 54_321);
    writeAtomically(path, "new");
    assert.deepEqual([statSync(path).uid, statSync(path).gid, statSync(path).mode & 0o777], [12_345, 54_321, 0o664]);
    mock.method(fs, "fchownSync", () => {
      throw Object.assign(new Error("EPERM"), { code: "EPERM" });
    });
    writeAtomically(path, "newer");
    assert.deepEqual([statSync(path).uid, statSync(path).mode & 0o777], [0, 0o604]);
  });

  it("is not written over one that is there, where it is to be new", () => {
    writeNew(path, "first");
    assert.throws(() => {
      writeNew(path, "second");
    }, /EEXIST/);
    assert.equal(readFileSync(path, "utf8"), "first");
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it("is closed again, also when the disk fails", () => {
    const [opened, closed] = [mock.method(fs, "openSync"), mock.method(fs, "closeSync")];
    mock.method(fs, "fsyncSync", () => {
      throw new Error("EIO");
    });
    assert.throws(() => {
      writeNew(path, "text");
    }, /EIO/);
    assert.throws(() => {
      syncFile(path);
    }, /EIO/);
    assert.deepEqual(
      closed.mock.calls.map(({ arguments: [file] }) => file),
      opened.mock.calls.map(({ result }) => result),
    );
  });
});

describe("a folder that must not be lost with the power", () => {
  let folder = "";
  const during = async (act: () => void) => {
    const disk = new Disk(folder);
    await disk.during(act);
    return disk.steps.map((step) =>
      step.kind === "make" ? `make ${step.name}` : `${step.kind} ${"node" in step ? step.node : ""}`,
    );
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-folder-"));
  });
  afterEach(() => {
    mock.restoreAll();
    rmSync(folder, { recursive: true });
  });

  it("is made with those above it, each of whose names is on the disk before there is anything in it", async () => {
    const steps = await during(() => {
      makeFolder(join(folder, "a", "b", "c"), 0o700);
    });
    assert.deepEqual(steps, ["make a", "sync 0", "make b", "sync 1", "make c"]);
    const modes = ["a", "a/b", "a/b/c"].map((name) => statSync(join(folder, name)).mode & 0o777);
    const usual = 0o777 & ~umaskNow();
    assert.deepEqual(modes, [usual, usual, 0o700], "what lies above is shared with other folders");
  });

  it("has the name of the one above made sure of, too, for who made that may have been cut off", async () => {
    makeFolder(join(folder, "a"));
    const steps = await during(() => {
      makeFolder(join(folder, "a", "b"));
    });
    assert.deepEqual(steps, ["sync 0", "make b"]);
  });

  it("may be there already, for somebody else may make it at the same time", () => {
    makeFolder(join(folder, "a"));
    makeFolder(join(folder, "a"));
    assert.deepEqual(readdirSync(folder), ["a"]);
  });

  it("is made sure of with what it holds, and the name of it in the one above", async () => {
    makeFolder(join(folder, "a"));
    const steps = await during(() => {
      syncName(join(folder, "a", "file"));
    });
    assert.deepEqual(steps, ["sync 1", "sync 0"]);
  });

  it("is left to the system on Windows, which has no call for it", async () => {
    const real = Object.getOwnPropertyDescriptor(process, "platform")!;
    Object.defineProperty(process, "platform", { ...real, value: "win32" });
    try {
      assert.deepEqual(
        await during(() => {
          syncFolder(folder);
        }),
        [],
      );
    } finally {
      Object.defineProperty(process, "platform", real);
    }
    assert.deepEqual(
      await during(() => {
        syncFolder(folder);
      }),
      ["sync 0"],
    );
  });
});
