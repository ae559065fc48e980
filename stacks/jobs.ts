import * as pulumi from "@pulumi/pulumi";
import { areDisabled, jobsDigest, markOf } from "../release/jobs";
import { milliseconds } from "../release/primitives";
import type { Loaded } from "../release/config";
import { ProjectResource } from "./project-resource";

/** The queues of one Redis, and what makes it necessary to cancel what is in them. */
export interface JobCancellingInputs {
  readonly url: string;
  readonly queues: readonly string[];
  /** What the suspension bears as its author. */
  readonly mark: string;
  /** The digest of what makes the jobs: when it moves, they belong to another release. */
  readonly digest: string;
  /** Whether a toggle keeps the workers disabled. */
  readonly disabled: boolean;
  readonly supervised: boolean;
  /** How long a stopped job may take to end. */
  readonly graceMilliseconds: number;
}

/** Which workers go on, and after which entry of the deployment log. */
export interface JobResumingInputs {
  readonly url: string;
  readonly mark: string;
  readonly disabled: boolean;
  /** The entry that passed verification. */
  readonly entry: string;
}

type Args<T> = { [K in keyof T]: pulumi.Input<T[K]> };

/** Suspends the workers before anything else moves, and cancels what belongs to the release that leaves. */
class JobCancelling extends ProjectResource {
  constructor(name: string, args: Args<JobCancellingInputs>, opts: pulumi.CustomResourceOptions) {
    super("job-cancelling.provider", "JobCancelling", name, args, { ...opts, additionalSecretOutputs: ["url"] });
  }
}

/** Lets the workers go on. It stands behind `verified`, so it never moves without a passed verdict. */
class JobResuming extends ProjectResource {
  constructor(name: string, args: Args<JobResumingInputs>, opts: pulumi.CustomResourceOptions) {
    super("job-resuming.provider", "JobResuming", name, args, { ...opts, additionalSecretOutputs: ["url"] });
  }
}

/** What comes after the verdict passes no gate: the gates would open the log for it anew. */
export const resumingType = "pulumi-nodejs:dynamic/rewind:JobResuming";

/** The first resources of a stack: background jobs of the release that leaves must not meet rows of the one that comes. */
export function cancelJobs({ settings, secrets }: Loaded, provider: pulumi.ProviderResource): pulumi.CustomResource[] {
  const { environment, pinned } = settings;
  return Object.entries(environment.jobs ?? {}).map(
    ([name, jobs]) =>
      new JobCancelling(
        name,
        {
          url: pulumi.secret(secrets[jobs.url] ?? ""),
          queues: jobs.queues,
          mark: markOf(environment.name, name),
          digest: jobsDigest(pinned),
          disabled: areDisabled(jobs, pinned),
          supervised: jobs.supervised === true,
          graceMilliseconds: milliseconds(jobs.grace ?? "10s"),
        },
        { provider },
      ),
  );
}

/** The last resources of a stack. When an update ends between the verdict and them, the next one finds them behind. */
export function resumeJobs(
  { settings, secrets }: Loaded,
  verified: pulumi.Stash,
  provider: pulumi.ProviderResource,
): pulumi.CustomResource[] {
  const { environment, pinned } = settings;
  return Object.entries(environment.jobs ?? {}).map(
    ([name, jobs]) =>
      new JobResuming(
        name,
        {
          url: pulumi.secret(secrets[jobs.url] ?? ""),
          mark: markOf(environment.name, name),
          disabled: areDisabled(jobs, pinned),
          entry: verified.input.apply((input: unknown) => (input as { entry: string }).entry),
        },
        { provider, dependsOn: [verified] },
      ),
  );
}
