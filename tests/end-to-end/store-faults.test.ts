import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { copyInto, inventoryOf } from "../../records/convert";
import { StoreUnavailable, type Store } from "../../records/store";
import { openStore } from "../../records/stores";
import { openPostgresqlStore } from "../../records/stores/postgresql";
import { cutOff, type Way } from "./cut-off";
import { fixtureFor, type Fixture } from "./fixture";

const database = "rewind_store_faults";
const variable = "REWIND_STORE_URL";

describe("L5 · records in PostgreSQL when the connection ends at any message", function () {
  let stack: Fixture;
  let points = 0;
  before(async function () {
    stack = await fixtureFor(this);
    await ask("postgres", `drop database if exists ${database} with (force)`);
    await ask("postgres", `create database ${database}`);
  });
  after(async () => {
    console.log(`      ${points} points`);
    await ask("postgres", `drop database if exists ${database} with (force)`);
  });

  const urlAt = (name: string, port = stack.environment.postgres.port): string => {
    const { user, password } = stack.environment.postgres;
    return `postgresql://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${name}`;
  };
  const ask = async (name: string, sql: string): Promise<void> => {
    const client = new Client({ connectionString: urlAt(name) });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  const storeAt = (port?: number): Store => openPostgresqlStore(variable, { [variable]: urlAt(database, port) });
  const withStore = async <T>(work: (store: Store) => Promise<T>): Promise<T> => {
    const store = storeAt();
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  };
  const standing = async (): Promise<string> => JSON.stringify(await withStore(inventoryOf));

  /** What is done in a store, after what, and what has to be there whether it was done or not. */
  interface Step {
    readonly given: (store: Store) => Promise<unknown>;
    readonly done: (store: Store) => Promise<unknown>;
  }
  const line = (text: string): Buffer => Buffer.from(`${text}\n`);
  const two = new Map<string, number>([
    ["a", 1],
    ["b", 2],
  ]);
  const steps: Readonly<Record<string, Step>> = {
    "the first entry of all, which makes the tables": {
      given: () => Promise.resolve(),
      done: (store) => store.journal("staging").append(line("one"), 0),
    },
    "an entry": {
      given: (store) => store.journal("staging").append(line("one"), 0),
      done: (store) => store.journal("staging").append(line("two"), 4),
    },
    "an entry of several pieces": {
      given: (store) => store.journal("staging").append(line("one"), 0),
      done: (store) => store.journal("staging").append(Buffer.alloc((1 << 20) + 5, "x"), 4),
    },
    "records that come, change and go together": {
      given: (store) => store.collection("contracts").write(two),
      done: (store) =>
        store.collection("contracts").write(
          new Map([
            ["a", undefined],
            ["b", 3],
            ["c", 4],
          ]),
        ),
    },
  };

  const prepared = async ({ given }: Step): Promise<string> => {
    await ask(database, "drop schema if exists rewind cascade");
    await withStore(given);
    return standing();
  };

  for (const [title, step] of Object.entries(steps)) {
    for (const way of ["there", "back"] as const satisfies readonly Way[]) {
      it(`leaves all or nothing of ${title}, cut off on the way ${way}`, async () => {
        const before = await prepared(step);
        await withStore(step.done);
        const after = await standing();
        assert.notEqual(after, before);
        for (let messages = 0; ; messages += 1) {
          assert.equal(await prepared(step), before);
          const cut = await cutOff(stack.environment.postgres, way, messages);
          const store = storeAt(cut.port);
          const failed = await step.done(store).then(
            () => undefined,
            (error: unknown) => error,
          );
          const wasCut = cut.wasCut();
          await Promise.all([store.close(), cut.close()]);
          if (!wasCut) {
            assert.equal(failed, undefined);
            break;
          }
          points += 1;
          const found = await standing();
          const where = `after ${messages} messages`;
          assert.ok(found === before || found === after, `${where}: neither the old nor the new: ${found}`);
          if (failed === undefined) assert.equal(found, after, `${where}: acknowledged, and not there`);
          else {
            assert.ok(failed instanceof StoreUnavailable, where);
            assert.doesNotMatch(failed.message, /:\/\//, "no connection string in an error");
          }
          // Nothing is repaired by hand: what was not done is done by the same again.
          if (found === before) await withStore(step.done);
          assert.equal(await standing(), after, where);
        }
      });
    }
  }

  it("a copy into it that was cut off is finished by the next, and equal", async () => {
    const folder = mkdtempSync(join(tmpdir(), "rewind-store-faults-"));
    const from = openStore({ store: "json", folder });
    try {
      for (const [at, text] of ["one", "two", "three"].entries()) {
        await from.journal("staging").append(line(text), at === 0 ? 0 : await from.journal("staging").size());
      }
      await from.collection("contracts").write(two);
      const whole = JSON.stringify(await inventoryOf(from));
      for (let messages = 0; ; messages += 1) {
        await ask(database, "drop schema if exists rewind cascade");
        const cut = await cutOff(stack.environment.postgres, "there", messages);
        const store = storeAt(cut.port);
        await copyInto(store, from).catch(() => undefined);
        const wasCut = cut.wasCut();
        await Promise.all([store.close(), cut.close()]);
        assert.equal(JSON.stringify(await inventoryOf(from)), whole, "what is copied stays as it is");
        await withStore((other) => copyInto(other, from));
        assert.equal(await standing(), whole, `after ${messages} messages`);
        if (!wasCut) break;
        points += 1;
      }
    } finally {
      await from.close();
      rmSync(folder, { recursive: true });
    }
  });
});
