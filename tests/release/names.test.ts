import assert from "node:assert/strict";
import fc from "fast-check";
import { amend } from "../../release/amend";
import { fileNameOf, nameOfFile } from "../../release/file-names";
import { interpolate, variablesIn } from "../../release/interpolate";
import { logicalName } from "../../release/logical-names";
import { parseSettings } from "../../release/parse";
import { SqlIdentifier } from "../../release/primitives";
import { pathOfSteps, rowPath, stepsOf } from "../../release/property-path";
import { facetAndEntry, PinPath } from "../../release/schema/release";

const odd = ["Account", "userId", "eu.rates", "a/b", 'a"b', "a'b", "a]b", '["x"]', "a=b", " ", "\\", "$$", "é", "100%"];
const identifier = fc.oneof(
  fc.constantFrom(...odd),
  fc.string({ minLength: 1, maxLength: 12 }).filter((text) => SqlIdentifier.safeParse(text).success),
);

describe("the path of a property", () => {
  it("leads to the steps that it was made of, whatever they hold", () => {
    fc.assert(
      fc.property(fc.array(identifier, { minLength: 1, maxLength: 4 }), (steps) => {
        assert.deepEqual(stepsOf(pathOfSteps("config", ...steps)), ["config", ...steps]);
      }),
    );
  });

  it("names a row by table, key and column; a key may have dots, or be one of several columns", () => {
    const cases: [string, ReturnType<typeof rowPath>][] = [
      ["config.t.k.v", { table: "t", key: "k", column: "v" }],
      ["config.t.eu.west.v", { table: "t", key: "eu.west", column: "v" }],
      ['config.t.["eu",3].v', { table: "t", key: '["eu",3]', column: "v" }],
      ['config.t.["e.u",3].v', { table: "t", key: '["e.u",3]', column: "v" }],
      ['config["eu.rates"].k["max.value"]', { table: "eu.rates", key: "k", column: "max.value" }],
      ["config.t.v", undefined],
      ["config.t..v", undefined],
      ["toggles.a.b.c", undefined],
      ["", undefined],
    ];
    for (const [path, expected] of cases) assert.deepEqual(rowPath(path), expected, path);
  });

  it("sets and removes a value of a table, row and column with any name", () => {
    fc.assert(
      fc.property(identifier, identifier, identifier, (table, column, key) => {
        if (column === "key") return;
        const tables = { [table]: { key: "key", columns: { key: "text", [column]: "text" } } } as never;
        const path = pathOfSteps("config", table, key, column);
        const { record, problems } = amend({}, { values: [{ path, text: '"x"' }] }, tables);
        assert.deepEqual(problems, []);
        assert.deepEqual(record, { config: { [table]: { rows: [{ key, [column]: "x" }] } } });
        const gone = amend(record, { removed: [pathOfSteps("config", table, key)] }, tables);
        assert.deepEqual([gone.record, gone.problems], [{ config: { [table]: { rows: [] } } }, []]);
      }),
    );
  });

  it("may stand in a request of a check", () => {
    const text = '/v1/${config["Account"].eu.userId}/${release}/${not["a}b"]}';
    assert.deepEqual(variablesIn(text), ['config["Account"].eu.userId', "release"]);
    assert.equal(
      interpolate('${a}${config["b.c"].d.e}', (name) => `<${name}>`),
      '<a><config["b.c"].d.e>',
    );
  });
});

describe("the path of an entry", () => {
  it("is a facet and what follows its slash", () => {
    fc.assert(
      fc.property(identifier, (table) => {
        assert.deepEqual(facetAndEntry(`config/${table}`), ["config", table]);
        assert.equal(PinPath.safeParse(`config/${table}`).success, true);
      }),
    );
    assert.deepEqual(facetAndEntry("config"), ["config", undefined]);
    for (const path of ["", "config/", "services/a/b", "services/a b", "database/a", "toggles/a/b"]) {
      assert.equal(PinPath.safeParse(path).success, false, path);
    }
  });
});

describe("a name of a database as a piece of a file's name", () => {
  it("is one segment, another one for every name, whatever the file system makes of case", () => {
    fc.assert(
      fc.property(identifier, identifier, (a, b) => {
        const [one, other] = [fileNameOf(a), fileNameOf(b)];
        assert.match(one, /^[a-z0-9_-]{1,189}$/);
        assert.equal(nameOfFile(one), a);
        assert.equal(one.toLowerCase() === other.toLowerCase(), a === b);
      }),
    );
  });

  it("stays as it is where it is plain, and is no device of Windows", () => {
    const names = ["scoring_config", "Account", "a/b", "nul", "com1", "console", "a-41"].map(fileNameOf);
    assert.deepEqual(names, ["scoring_config", "-41ccount", "a-2fb", "-6eul", "-63om1", "console", "a-2d41"]);
  });
});

describe("a logical name", () => {
  it("is another one for every list of names", () => {
    const parts = fc.tuple(fc.constantFrom("a", "a-b", "b", "b-c", "c", "a/b", "a%2Fb", "A"), identifier);
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        assert.equal(logicalName(...one) === logicalName(...other), one.join("\0") === other.join("\0"));
      }),
    );
    assert.deepEqual(
      [logicalName("api", "data"), logicalName("my-api", "data"), logicalName("my", "api-data")],
      ["api-data", "my-api/data", "my/api-data"],
    );
  });
});

describe("the variables of a function on Lambda", () => {
  const bundle = { bundle: `sha256:${"a".repeat(64)}`, handler: "index.handler", runtime: "nodejs22.x" };
  const problems = (
    variables: Record<string, string>,
    workload: Record<string, unknown> = {},
    toggles = {},
  ): string[] => {
    const parsed = parseSettings(
      {
        release: "1.2.3",
        releases: { "1.2.3": { functions: { score: { ...bundle, variables } }, toggles } },
        environment: {
          ...{ name: "prod", kind: "staging", registry: "r", runtime: { functions: "lambda" } },
          aws: { region: "eu-central-1" },
          lambda: { role: "arn:aws:iam::111122223333:role/scoring", bundles: "bundles" },
          functions: { score: { memory: 128, ...workload } },
          toggles: Object.keys(toggles),
        },
      },
      () => undefined,
    );
    return parsed.ok ? [] : parsed.problems.map(({ path, message }) => `${path}: ${message}`);
  };
  const at = "releases.1.2.3.functions.score";

  it("are those that Lambda takes", () => {
    assert.deepEqual(problems({ LOG_LEVEL: "info", TZ: "Europe/Berlin", http_proxy: "http://proxy" }), []);
    assert.deepEqual(problems({}, {}, { newCheckout: true, LIMIT: 0.25, SHOPS: ["a", "b"] }), []);
  });

  for (const name of ["AWS_REGION", "_HANDLER", "AWS_LAMBDA_FUNCTION_NAME", "AWS_SESSION_TOKEN", "LAMBDA_TASK_ROOT"]) {
    it(`are not ${name}, which Lambda sets itself`, () => {
      const expected = `${at}.variables.${name}: ${name} is a variable that Lambda sets itself`;
      assert.ok(problems({ [name]: "x" }).includes(expected));
      assert.match(problems({}, { variables: { [name]: "x" } }).join(), /^environment\.functions\.score\.variables/);
    });
  }

  for (const name of ["spring.datasource.url", "A", "1A", "_A", "a-b"]) {
    it(`are not ${name}, which Lambda refuses as a name`, () => {
      const [problem = ""] = problems({ [name]: "x" }).filter((each) => each.startsWith(at));
      assert.ok(problem.endsWith(`names of a letter and one or more letters, digits and _, got "${name}"`), problem);
    });
  }

  it("have 4096 bytes as JSON and no more, with all that Rewind adds", () => {
    const own = JSON.stringify({ A1: "", REWIND_RELEASE: "1.2.3" }).length;
    assert.deepEqual(problems({ A1: "x".repeat(4_096 - own) }), []);
    const [problem = ""] = problems({ A1: "x".repeat(4_097 - own) });
    assert.match(problem, /its variables have 4097 bytes as JSON; Lambda takes 4096 at most$/);
  });

  it("hold no zero byte, as those of a container", () => {
    assert.deepEqual(problems({ A1: "a\0b" }), [
      `${at}.variables.A1: a value with a zero byte, which no program can be given`,
    ]);
  });
});
