import type * as pulumi from "@pulumi/pulumi";
import { ProjectResource } from "./project-resource";

/** Which paths of which distribution to clear, and what makes it necessary again. */
export interface InvalidationInputs {
  readonly distribution: string;
  readonly paths: readonly string[];
  /** The pinned build: when it moves, whatever the edges hold belongs to another one. */
  readonly build: string;
  /** The deployment that ended half-way last: the edges may hold what it served. */
  readonly after?: string | undefined;
  readonly milliseconds: number;
  readonly region: string;
  readonly endpoint?: string | undefined;
  readonly accessKey?: string | undefined;
  readonly secretKey?: string | undefined;
}

/** What is remembered beside the inputs, so that a second try of the same flip is the same invalidation. */
export interface InvalidationState extends InvalidationInputs {
  /** Tells this resource's invalidations from those of one that was there before it. */
  readonly line: string;
  /** How many there were. */
  readonly count: number;
}

type Args = { [K in keyof InvalidationInputs]: pulumi.Input<NonNullable<InvalidationInputs[K]>> | undefined };

/** Clears declared paths from CloudFront's edges whenever the build moves, and waits until it is done. */
export class Invalidation extends ProjectResource {
  constructor(name: string, args: Args, opts?: pulumi.CustomResourceOptions) {
    const secret = { additionalSecretOutputs: ["secretKey"] };
    super("invalidation.provider", "Invalidation", name, args, { ...opts, ...secret });
  }
}
