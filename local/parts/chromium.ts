import { isExecutable } from "../machine";
import { type Part } from "../part";
import { firstOf, PartUnavailable, type Source } from "../source";

/** A browser for checks, or why there is none: everything but those checks works without. */
export interface Chromium {
  /** The path of the program; empty where there is none. */
  readonly program: string;
  /** What is missing, and the command that would change it; empty where there is a program. */
  readonly missing: string;
  readonly source: Source;
}

const programs = ["chromium", "google-chrome", "google-chrome-stable", "chromium-browser"];

/** Chromium, for the checks that load pages: on the machine, or Debian's package. Nothing of it runs between checks. */
export const chromium: Part<Chromium> = {
  name: "chromium",
  async start({ machine, signal }) {
    const places = [
      {
        source: "machine" as const,
        find: () => {
          const found = programs.map((program) => machine.find(program)).find((each) => each !== undefined);
          return Promise.resolve(found === undefined ? { lacks: "chromium is not on the PATH" } : { found });
        },
      },
      { source: "debian" as const, find: async () => await machine.install("chromium", ["chromium"]) },
    ];
    try {
      const { source, found } = await firstOf("chromium", places, signal);
      return { program: found, missing: "", source };
    } catch (error) {
      if (!(error instanceof PartUnavailable)) throw error;
      return { program: "", missing: error.message, source: "machine" };
    }
  },
  describe: ({ program, missing }) => (missing === "" ? `browser ${program}` : `no browser checks: ${missing}`),
  answers: (_context, { program, missing }) => Promise.resolve(missing !== "" || isExecutable(program)),
  stop: () => Promise.resolve(),
};
