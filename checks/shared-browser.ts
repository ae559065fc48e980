import type { Launched } from "./browser-launch";

/** One browser for all checks of a gate, which takes seconds to start: so it may be started ahead of the first check. */
export interface SharedBrowser {
  /**
   * The browser, started when it is asked for the first time, and again when it has died.
   * @throws Error when there is no browser, with the command that installs one
   */
  open(): Promise<Launched>;
  /** Ends the browser, if there is one, and removes what it left on the disk. Never throws. */
  close(): Promise<void>;
}

/** @param launch starts a browser; nothing is started before `open` */
export function sharedBrowser(launch: () => Promise<Launched>): SharedBrowser {
  let running: Promise<Launched> | undefined;
  const close = async (which: Promise<Launched> | undefined): Promise<void> => {
    // One that never came needs no end; whoever asked for it heard why.
    const launched = await which?.catch(() => undefined);
    await launched?.browser.close().catch(() => undefined);
    await launched?.clear().catch(() => undefined);
  };
  const open = async (): Promise<Launched> => {
    const mine = (running ??= launch());
    let alive = false;
    try {
      const launched = await mine;
      alive = launched.browser.isConnected();
      if (alive) return launched;
    } finally {
      // The next one who asks has another; of two who waited for the same, the first forgets it.
      if (!alive && running === mine) {
        running = undefined;
        void close(mine);
      }
    }
    return await open();
  };
  return {
    open,
    close: async () => {
      const last = running;
      running = undefined;
      await close(last);
    },
  };
}
