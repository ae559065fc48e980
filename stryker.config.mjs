/** What is mutated, and the tests that are to notice. */
const groups = {
  log: {
    mutate: ["records/{append,atomic-file,checkpoint,line,lock,log,prose,runner,tail,verify}.ts"],
    spec: ["lock", "line", "runner", "atomic-file", "append", "tail", "verify", "prose", "log"].map(
      (name) => `tests/records/${name}.test.ts`,
    ),
  },
  backups: {
    mutate: [
      "recovery/backups/{archive,contents,copy,folders,opened,place,read,staging,verify,write}.ts",
      "release/{backup-manifest,backups}.ts",
    ],
    spec: [
      "tests/release/backups.test.ts",
      "tests/release/backup-manifest.test.ts",
      "tests/recovery/backup-files.test.ts",
      "tests/recovery/backups.test.ts",
    ],
  },
  rollback: {
    mutate: ["cli/planning.ts", "release/{assessment,plan,together,triggers}.ts"],
    spec: [
      ...["triggers", "assessment", "plan", "together"].map((name) => `tests/release/${name}.test.ts`),
      "tests/cli/planning.test.ts",
    ],
  },
};

/** Tests that try thousands of cases or start processes: what they find, the others find sooner. */
const long = [
  "any byte",
  "eight processes",
  "were killed",
  "gives back whatever",
  "in any order of writers",
  "however little of it",
  "over 5,000",
];

const { REWIND_MUTATE: named } = process.env;
if (named !== undefined && !Object.hasOwn(groups, named)) {
  throw new Error(`REWIND_MUTATE: expected one of ${Object.keys(groups).join(", ")}`);
}
const chosen = named === undefined ? Object.values(groups) : [groups[named]];

export default {
  testRunner: "mocha",
  plugins: ["./tests/mutation-runner.mjs"],
  mochaOptions: {
    "no-config": true,
    require: ["./typescript.js"],
    spec: chosen.flatMap(({ spec }) => spec),
    grep: `/^(?!.*(?:${long.join("|")}))/`,
  },
  coverageAnalysis: "perTest",
  mutate: chosen.flatMap(({ mutate }) => mutate),
  ignorePatterns: ["/.rewind*", "/.stryker-tmp*", "/bench", "/coverage", "/docs", "/examples", "/local"],
  concurrency: 1,
  // A loop that never ends is a mutant found out; a machine that is busy must not look like one.
  timeoutMS: 10_000,
  timeoutFactor: 3,
  tempDirName: ".stryker-tmp",
  reporters: ["clear-text", "json"],
  jsonReporter: { fileName: ".stryker-tmp/report.json" },
  thresholds: { high: 95, low: 90, break: 85 },
};
