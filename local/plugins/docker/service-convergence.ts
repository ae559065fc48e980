import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import type { Found } from "./service-state";

/** Milliseconds between two looks at a service on its way. */
const PAUSE = 200;

/** The swarm gave the new version up and runs the one before again. */
export class WentBack extends Error {
  override readonly name = "WentBack";
}

interface Task {
  readonly DesiredState: string;
  readonly Spec: { readonly ContainerSpec: { readonly Image: string } };
  readonly Status: { readonly State: string; readonly Err?: string };
  readonly UpdatedAt: string;
}

/**
 * Waits until a service runs what was asked for, on as many tasks, and its update is over.
 *
 * @param earlier when the update before began: its outcome says nothing about this one
 * @throws WentBack when the swarm rolled back; Error when it paused, or is not done in time
 */
export async function converge(
  docker: Docker,
  id: string,
  earlier: string | undefined,
  limit: number,
  signal: AbortSignal,
): Promise<void> {
  const end = Date.now() + limit;
  let image: string | undefined;
  for (;;) {
    const found = (await docker.getService(id).inspect()) as Found;
    const { Name: name, TaskTemplate, Mode } = found.Spec;
    image ??= TaskTemplate.ContainerSpec.Image;
    const tasks = (await docker.listTasks({ filters: { service: [id] } })) as Task[];
    const status = found.UpdateStatus?.StartedAt === earlier ? undefined : found.UpdateStatus;
    const why = (): string => reasonIn(tasks, image ?? "");
    if (status?.State === "rollback_completed") {
      throw new WentBack(`service ${name}: the swarm went back to the version before${why()}`);
    }
    if (status?.State === "paused" || status?.State === "rollback_paused") {
      throw new Error(`service ${name}: the swarm paused: ${status.Message ?? ""}${why()}`);
    }
    const busy = status !== undefined && status.State !== "completed";
    const current = tasks.filter(({ DesiredState }) => DesiredState === "running");
    const ready = current.filter(
      ({ Status, Spec }) => Status.State === "running" && Spec.ContainerSpec.Image === image,
    );
    const wanted = Mode.Replicated?.Replicas ?? current.length;
    // An update that replaces tasks says so only a moment later; until then old tasks run.
    if (!busy && current.length === wanted && ready.length === wanted && !awaited(found, status)) return;
    if (Date.now() > end) {
      throw new Error(`service ${name}: ${ready.length} of ${wanted} tasks run after ${limit / 1_000} s${why()}`);
    }
    await sleep(PAUSE, undefined, { signal });
  }
}

/** Whether the tasks have to change and the swarm has not yet said that they did. */
function awaited({ Spec, PreviousSpec }: Found, status: Found["UpdateStatus"]): boolean {
  if (status !== undefined || PreviousSpec === undefined) return false;
  return JSON.stringify(Spec.TaskTemplate) !== JSON.stringify(PreviousSpec.TaskTemplate);
}

/** The newest thing that went wrong with a task of the image, if any did. */
function reasonIn(tasks: readonly Task[], image: string): string {
  const failed = tasks
    .filter(({ Status, Spec }) => Status.Err !== undefined && Status.Err !== "" && Spec.ContainerSpec.Image === image)
    .sort((a, b) => (a.UpdatedAt < b.UpdatedAt ? 1 : -1))[0];
  return failed === undefined ? "" : `: ${failed.Status.Err ?? ""}`;
}
