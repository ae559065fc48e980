import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";
import importX from "eslint-plugin-import-x";

/**
 * What each room may import of the others (design: "Rooms"). A room that is not named in `may` is out of bounds;
 * type-only imports are held to the same rule, because a type is the first thread of a dependency.
 */
const rooms = ["index.ts", "release", "stacks", "checks", "records", "cli", "local", "examples", "tests", "bench"];
const may = {
  "index.ts": ["stacks"],
  release: [],
  stacks: ["release", "checks", "records"],
  checks: ["release"],
  records: ["release"],
  cli: ["release", "checks", "records"],
  local: ["release"],
  examples: [],
};
/** The embedded environment is a guest in the command line: two verbs' files know it. */
const localVerbs = ["cli/local.ts", "cli/demo.ts"];
const zones = Object.entries(may).map(([room, allowed]) => ({
  target: `./${room}`,
  from: rooms.filter((other) => other !== room && !allowed.includes(other)).map((other) => `./${other}`),
  message: `the room ${room} may import ${allowed.length > 0 ? allowed.join(", ") : "no other room"}`,
}));

export default defineConfig(
  globalIgnores(["node_modules/", ".rewind/", ".rewind-test/", ".rewind-bench/", "examples/*/dist/"]),
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    plugins: { "import-x": importX },
    settings: {
      "import-x/resolver-next": [
        importX.createNodeResolver({ extensions: [".ts", ".js"], extensionAlias: { ".js": [".ts", ".js"] } }),
      ],
    },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "import-x/no-restricted-paths": ["error", { basePath: import.meta.dirname, zones }],
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
  {
    // The pure core: no engine, no input or output, no clock.
    files: ["release/**/*.ts"],
    ignores: ["release/*.write.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        { patterns: [{ regex: "^(?!\\.|zod$|canonicalize$|microdiff$|node:crypto$)", message: "release/ is pure" }] },
      ],
      "no-restricted-globals": ["error", "process", "fetch", "setTimeout"],
      "no-restricted-properties": ["error", { object: "Date", property: "now" }],
    },
  },
  {
    // One place prints and exits.
    files: ["release/**/*.ts", "checks/**/*.ts", "records/**/*.ts", "stacks/**/*.ts"],
    rules: { "no-console": "error" },
  },
  {
    files: localVerbs,
    rules: {
      "import-x/no-restricted-paths": [
        "error",
        {
          basePath: import.meta.dirname,
          zones: zones.map((zone) => ({ ...zone, from: zone.from.filter((room) => room !== "./local") })),
        },
      ],
    },
  },
  {
    // Loads verbs when they are asked for.
    files: ["cli/main.ts"],
    rules: { "@typescript-eslint/no-require-imports": "off" },
  },
  {
    // One file each touches the Automation API and the embedded environment.
    files: ["cli/**/*.ts"],
    ignores: ["cli/engine.ts"],
    rules: { "no-restricted-imports": ["error", { patterns: ["@pulumi/*"] }] },
  },
  {
    files: ["tests/**/*.ts", "bench/**/*.ts"],
    rules: {
      "@typescript-eslint/no-floating-promises": ["error", { allowForKnownSafeCalls: [] }],
      "@typescript-eslint/no-non-null-assertion": "off",
    },
  },
);
