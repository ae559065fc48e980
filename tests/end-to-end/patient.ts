import type { Fixture } from "./fixture";

/** `pulumi up`: a busy machine may fail a container's health check, and what was half-way is finished by the next. */
export async function patientUp(stack: Fixture): Promise<void> {
  for (let left = 2; left > 0; left -= 1) {
    const { code } = await stack.pulumi(["up", "--yes", "--skip-preview"]);
    if (code === 0) return;
  }
  await stack.up();
}
