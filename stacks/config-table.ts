import * as pulumi from "@pulumi/pulumi";
import type { Row, Table } from "../release/schema/rows";
import type * as implementation from "./config-table.provider";
import { loadProvider } from "./shim";

/** A table's pinned rows, as the provider gets them. */
export interface ConfigTableInputs {
  readonly connection: {
    readonly host: string;
    readonly port: number;
    readonly sslmode: "disable" | "require" | "verify-full";
    readonly user: string;
    readonly database: string;
  };
  readonly password: string;
  readonly schema: string;
  readonly name: string;
  readonly table: Table;
  readonly rows: readonly Row[];
}

const load = () => loadProvider("config-table.provider") as typeof implementation;

const provider: pulumi.dynamic.ResourceProvider<ConfigTableInputs, ConfigTableInputs> = {
  create: (inputs) => load().create(inputs),
  diff: (_, olds, news) => load().diff(olds, news),
  update: (_, olds, news) => load().update(olds, news),
  read: (id, props) => load().read(id, props),
  // A release that no longer names a table leaves its rows alone: they are the customer's.
  delete: () => Promise.resolve(),
};

type Args = { [K in keyof ConfigTableInputs]: pulumi.Input<ConfigTableInputs[K]> };

/** The rows of one table that a release pins, applied in one transaction. One resource per table, never one per row. */
export class ConfigTable extends pulumi.dynamic.Resource {
  constructor(name: string, args: Args, opts?: pulumi.CustomResourceOptions) {
    super(provider, name, args, { ...opts, additionalSecretOutputs: ["password"] }, "rewind", "ConfigTable");
  }
}
