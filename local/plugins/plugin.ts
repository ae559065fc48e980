import type { Bag, Shape } from "./schema";

/** A resource on its platform: what the engine's calls come down to once check, diff and preview are taken off. */
export interface Resource {
  readonly shape: Shape;
  /** Makes what `planned` says and returns the state read back; `planned` holds unknowns where the platform decides. */
  readonly create: (planned: Bag, name: string) => Promise<{ id: string; state: Bag }>;
  /** The state as it is now; `undefined` when the resource is gone. */
  readonly read: (id: string, state: Bag) => Promise<{ id: string; state: Bag } | undefined>;
  /** Brings `prior` to `planned` in place and returns the state read back. */
  readonly update: (id: string, prior: Bag, planned: Bag) => Promise<Bag>;
  readonly remove: (id: string, state: Bag) => Promise<void>;
}

/** A local plugin: the resource types that this stack declares of one vendor, and the provider's own settings. */
export interface Plugin {
  readonly name: string;
  /** What the vendor's plugin calls itself. */
  readonly version: string;
  /** Settings that stay secret. */
  readonly secretSettings: readonly string[];
  readonly resources: Readonly<Record<string, Resource>>;
  /** Takes the settings; connects to nothing, so that a preview works without the platform. */
  readonly configure: (settings: Bag) => void;
  /** Ends what is waiting. */
  readonly cancel: () => void;
}

/** Creation went wrong half-way: the resource exists and must be in the state, but it is not what was asked for. */
export class HalfCreated extends Error {
  override readonly name = "HalfCreated";
  constructor(
    readonly id: string,
    readonly state: Bag,
    reason: string,
  ) {
    super(reason);
  }
}
