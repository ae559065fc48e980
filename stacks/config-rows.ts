import * as pulumi from "@pulumi/pulumi";
import type { Access } from "../checks/administrator";
import type { RowsDigest } from "../release/rows";
import type { Table } from "../release/schema/rows";
import type * as implementation from "./config-rows.provider";
import { loadProvider } from "./shim";

/** What a release pins of one table: where the rows are and what they are known by, never the rows. */
export interface PinnedTable extends RowsDigest {
  readonly schema: string;
  readonly definition: Table;
  /** JSON Lines in the project. */
  readonly file: string;
  /** The release that the rows belong to. */
  readonly release: string;
}

/** What a table was left with. The fingerprints are of the rows as PostgreSQL holds them; equal ones mean no edit. */
export interface AppliedTable extends PinnedTable {
  readonly fingerprint?: { readonly keys: string; readonly rows: string };
}

/** A database's pinned rows, as the provider gets them. */
export interface ConfigRowsInputs extends Access {
  /** The folder of the project where applied rows are kept under their digest. */
  readonly records: string;
  /** By the table's name. */
  readonly tables: Readonly<Record<string, PinnedTable>>;
}

/** What the state holds: the inputs, and what each table was left with, those too that are no longer pinned. */
export interface ConfigRowsState extends ConfigRowsInputs {
  readonly applied: Readonly<Record<string, AppliedTable>>;
}

const load = () => loadProvider("config-rows.provider") as typeof implementation;

const provider: pulumi.dynamic.ResourceProvider<ConfigRowsInputs, ConfigRowsState> = {
  create: (inputs) => load().create(inputs),
  diff: (_, olds, news) => load().diff(olds, news),
  update: (_, olds, news) => load().update(olds, news),
  read: (id, props) => load().read(id, props),
  // A release that no longer names a table leaves its rows alone: they are the customer's.
  delete: () => Promise.resolve(),
};

type Args = { [K in keyof ConfigRowsInputs]: pulumi.Input<ConfigRowsInputs[K]> };

/** The rows of all tables that a release pins in one database, applied in one transaction. */
export class ConfigRows extends pulumi.dynamic.Resource {
  constructor(name: string, args: Args, opts?: pulumi.CustomResourceOptions) {
    super(provider, name, args, { ...opts, additionalSecretOutputs: ["password"] }, "rewind", "ConfigRows");
  }
}
