import { holds } from "../../records/state";
import type { Fixture } from "./fixture";

/**
 * `pulumi up`: a busy machine may fail a container's health check or a check after it, and what was half-way is finished
 * by the next. A release that was put on hold for it is released.
 */
export async function patientUp(stack: Fixture): Promise<void> {
  for (let left = 2; left > 0; left -= 1) {
    const held = new Set(holds(stack.log()).keys());
    const { code } = await stack.pulumi(["up", "--yes", "--skip-preview"]);
    if (code === 0) return;
    for (const release of holds(stack.log()).keys()) {
      if (!held.has(release)) await stack.rewind("unhold", release, "--reason", "the machine is busy");
    }
  }
  await stack.up();
}
