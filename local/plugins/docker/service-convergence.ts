import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { durationText } from "./forms";
import type { Found } from "./service-state";

/** Milliseconds between two looks at a service on its way. */
const PAUSE = 200;

interface Task {
  readonly DesiredState: string;
  readonly Spec: { readonly ContainerSpec: { readonly Image: string } };
  readonly Status: { readonly State: string };
}

/** How an update of the swarm ends badly. */
const failures: Readonly<Record<string, string>> = {
  rollback_completed: "service rollback completed",
  paused: "service update paused",
  rollback_paused: "service rollback paused",
};

/**
 * Waits until a service runs what was asked for, on as many tasks, and its update is over.
 *
 * @param earlier when the update before began: its outcome says nothing about this one
 * @throws Error in the words of the vendor's plugin, which say no reason: the swarm rolled back, paused, or took too long
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
    const { TaskTemplate, Mode } = found.Spec;
    image ??= TaskTemplate.ContainerSpec.Image;
    const tasks = (await docker.listTasks({ filters: { service: [id] } })) as Task[];
    const status = found.UpdateStatus?.StartedAt === earlier ? undefined : found.UpdateStatus;
    const ended = status === undefined ? undefined : failures[status.State];
    if (ended !== undefined) throw new Error(`${ended}: ${status?.Message ?? ""}`);
    const busy = status !== undefined && status.State !== "completed";
    const current = tasks.filter(({ DesiredState }) => DesiredState === "running");
    const ready = current.filter(
      ({ Status, Spec }) => Status.State === "running" && Spec.ContainerSpec.Image === image,
    );
    const wanted = Mode.Replicated?.Replicas ?? current.length;
    // An update that replaces tasks says so only a moment later; until then old tasks run.
    if (!busy && current.length === wanted && ready.length === wanted && !awaited(found, status)) return;
    if (Date.now() > end)
      throw new Error(`Service with ID (${id}) did not converge after ${durationText(limit * 1e6)}`);
    await sleep(PAUSE, undefined, { signal });
  }
}

/** Whether the tasks have to change and the swarm has not yet said that they did. */
function awaited({ Spec, PreviousSpec }: Found, status: Found["UpdateStatus"]): boolean {
  if (status !== undefined || PreviousSpec === undefined) return false;
  return JSON.stringify(Spec.TaskTemplate) !== JSON.stringify(PreviousSpec.TaskTemplate);
}
