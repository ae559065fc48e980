import type { Route } from "./server";

const patience = 2_000;

/**
 * The routes that every role has: `/health` says that the process runs, and what it is; `/readiness` answers 200 only
 * when everything that the role needs answers within two seconds, else 503 with the names of what does not.
 */
export function statusRoutes(identity: Record<string, string>, probes: Record<string, () => Promise<void>>): Route[] {
  return [
    {
      method: "GET",
      path: "/health",
      open: true,
      quiet: true,
      handle: () => ({ status: 200, body: { status: "ok", ...identity } }),
    },
    {
      method: "GET",
      path: "/readiness",
      open: true,
      quiet: true,
      async handle() {
        const answers = await Promise.all(
          Object.entries(probes).map(async ([name, probe]) => ({ name, isUp: await answersInTime(probe) })),
        );
        const failing = answers.filter(({ isUp }) => !isUp).map(({ name }) => name);
        return failing.length === 0
          ? { status: 200, body: { status: "ready", checked: answers.map(({ name }) => name) } }
          : { status: 503, body: { status: "not ready", failing } };
      },
    },
  ];
}

async function answersInTime(probe: () => Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(() => {
      resolve(false);
    }, patience);
  });
  const answered = probe().then(
    () => true,
    () => false,
  );
  const isUp = await Promise.race([answered, timeout]);
  clearTimeout(timer);
  return isUp;
}
