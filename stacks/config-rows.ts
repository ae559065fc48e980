import type * as pulumi from "@pulumi/pulumi";
import type { Access } from "../checks/administrator";
import type { RowsDigest } from "../release/rows";
import type { Table } from "../release/schema/rows";
import { ProjectResource } from "./project-resource";

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

type Args = { [K in keyof ConfigRowsInputs]: pulumi.Input<ConfigRowsInputs[K]> };

/** The rows of all tables that a release pins in one database, applied in one transaction. */
export class ConfigRows extends ProjectResource {
  constructor(name: string, args: Args, opts?: pulumi.CustomResourceOptions) {
    super("config-rows.provider", "ConfigRows", name, args, { ...opts, additionalSecretOutputs: ["password"] });
  }
}
