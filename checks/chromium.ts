import { accessSync, constants } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

/** Where a Chromium or Chrome usually is, the first that is there wins. */
function usualPlaces(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): string[] {
  if (platform === "darwin") {
    return ["Google Chrome", "Chromium", "Microsoft Edge"].map(
      (name) => `/Applications/${name}.app/Contents/MacOS/${name}`,
    );
  }
  if (platform === "win32") {
    const roots = [env.PROGRAMFILES, env["PROGRAMFILES(X86)"], env.LOCALAPPDATA].filter((root) => root !== undefined);
    const programs = ["Google\\Chrome\\Application\\chrome.exe", "Microsoft\\Edge\\Application\\msedge.exe"];
    return roots.flatMap((root) => programs.map((program) => join(root, program)));
  }
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
  const onPath = (env.PATH ?? "").split(delimiter).filter((folder) => isAbsolute(folder));
  return [...onPath, "/usr/bin", "/usr/local/bin", "/snap/bin"].flatMap((folder) =>
    names.map((name) => join(folder, name)),
  );
}

/**
 * The browser that pages are checked in: what REWIND_CHROMIUM names, one in its usual place, or the one that
 * playwright installed.
 * @throws Error with the command that installs one
 */
export function findChromium(
  playwrights: () => string,
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  const named = env.REWIND_CHROMIUM;
  if (named) {
    if (isProgram(named)) return named;
    throw new Error(`REWIND_CHROMIUM names ${named}, which is no program`);
  }
  const found = [...usualPlaces(platform, env), playwrights()].find(isProgram);
  if (found !== undefined) return found;
  const command = platform === "linux" ? "apt-get install chromium" : "npx --no playwright-core install chromium";
  throw new Error(`there is no Chromium here; type: ${command}, or set REWIND_CHROMIUM to the program`);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
