import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

/** What each room may import of the others (design: "Rooms"); a type is the first thread of a dependency, so it counts. */
const rooms = [
  "release",
  "builds",
  "stacks",
  "checks",
  "records",
  "rows",
  "project",
  "recovery",
  "cli",
  "local",
  "examples",
  "tests",
  "bench",
];
const may = {
  "index.ts": ["stacks"],
  release: [],
  builds: ["release", "checks"],
  stacks: ["release", "rows", "checks", "records", "project"],
  rows: ["release"],
  checks: ["release", "rows"],
  project: ["release"],
  records: ["release", "project"],
  recovery: ["release", "records", "rows"],
  cli: ["release", "rows", "checks", "records", "project", "recovery", "builds"],
  local: ["release", "builds", "project"],
  examples: ["release", "records", "recovery"],
};
/** Packages that a room must not import, each with the reason. */
const packages = {
  release: [
    {
      regex: "^(?!\\.|zod$|canonicalize$|microdiff$|lossless-json$|node:crypto$)",
      message: "release/ is pure: no engine, no input or output",
    },
  ],
  cli: [{ regex: "^@pulumi/", message: "engine.ts is the one file that touches the Automation API" }],
};
/** The embedded environment is a guest in the command line: two verbs' files know it. */
const localVerbs = ["cli/local.ts", "cli/demo.ts"];
/** Each declares some verbs, and loads what carries them out when it is asked for. */
const commands = ["cli/commands/*.ts"];

/** The rule for one room. Every import between rooms is relative, so the path itself says where it leads. */
function importRule(room, allowed = may[room]) {
  const others = rooms.filter((other) => other !== room && !allowed.includes(other));
  const message = `the room ${room} may import ${allowed.join(", ") || "no other room"}`;
  const patterns = [{ regex: `^\\.{1,2}/(?:\\.\\./)*(?:${others.join("|")})/`, message }, ...(packages[room] ?? [])];
  return { "no-restricted-imports": ["error", { patterns }] };
}

export default defineConfig(
  globalIgnores(["node_modules/", ".rewind/", ".rewind-test*/", ".rewind-bench/", ".stryker-tmp/", "examples/*/dist/"]),
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/consistent-type-imports": [
        "error",
        { fixStyle: "inline-type-imports", disallowTypeAnnotations: false },
      ],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/prefer-nullish-coalescing": ["error", { ignorePrimitives: { string: true } }],
      eqeqeq: "error",
    },
  },
  ...Object.keys(may).map((room) => ({
    files: [room.endsWith(".ts") ? room : `${room}/**/*.ts`],
    ignores: ["release/*.write.ts", "cli/engine.ts"],
    rules: importRule(room),
  })),
  // Within cli/commands, `../local` is a file of the command line itself; the room is `../../local`.
  {
    files: commands,
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { regex: "^\\.\\./\\.\\./(?!release/)", message: "commands declare verbs, and verbs do the work" },
          ],
        },
      ],
    },
  },
  { files: localVerbs, rules: importRule("cli", [...may.cli, "local"]) },
  {
    // The pure core: no clock either.
    files: ["release/**/*.ts"],
    ignores: ["release/*.write.ts"],
    rules: {
      "no-restricted-globals": ["error", "process", "fetch", "setTimeout"],
      "no-restricted-properties": ["error", { object: "Date", property: "now" }],
    },
  },
  {
    // One place prints and exits.
    files: [
      "release/**/*.ts",
      "builds/**/*.ts",
      "checks/**/*.ts",
      "records/**/*.ts",
      "project/**/*.ts",
      "recovery/**/*.ts",
      "rows/**/*.ts",
      "stacks/**/*.ts",
    ],
    rules: { "no-console": "error" },
  },
  {
    // Systems outside are asked through the proxy of the machine, by one function.
    files: ["checks/**/*.ts"],
    ignores: ["checks/outbound.ts", "checks/proxy-admin.ts", "checks/http.ts"],
    rules: {
      "no-restricted-globals": ["error", { name: "fetch", message: "fetchOutside asks through the machine's proxy" }],
    },
  },
  {
    // What is loaded when it is needed: verbs, what the gates ask, what verifies signatures, what speaks to proxies, the stores.
    files: [
      ...commands,
      "stacks/gates.ts",
      "checks/before.ts",
      "checks/outbound.ts",
      "records/stores/index.ts",
      "records/open-log.ts",
    ],
    rules: { "@typescript-eslint/no-require-imports": "off" },
  },
  {
    files: ["tests/**/*.ts", "bench/**/*.ts"],
    rules: {
      "@typescript-eslint/no-floating-promises": ["error", { allowForKnownSafeCalls: [] }],
      "@typescript-eslint/no-non-null-assertion": "off",
    },
  },
);
