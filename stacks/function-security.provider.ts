import type { dynamic } from "@pulumi/pulumi";
import { escapeIdentifier } from "pg";
import { asAdministrator } from "../checks/administrator";
import type { FunctionSecurityInputs } from "./function-security";

/** Sets rights and search path. */
export async function create(inputs: FunctionSecurityInputs): Promise<dynamic.CreateResult<FunctionSecurityInputs>> {
  await apply(inputs);
  return {
    id: `${inputs.connection.database}.${inputs.schema}.${inputs.name}(${inputs.types.join(",")})`,
    outs: inputs,
  };
}

/** Sets them again. */
export async function update(inputs: FunctionSecurityInputs): Promise<dynamic.UpdateResult<FunctionSecurityInputs>> {
  await apply(inputs);
  return { outs: inputs };
}

async function apply(inputs: FunctionSecurityInputs): Promise<void> {
  const { schema, name, types, securityDefiner, searchPath } = inputs;
  // Temporary objects are everybody's to make; unless they are named they come first of all.
  const path = [...searchPath.filter((each) => each !== "pg_temp"), "pg_temp"].map(escapeIdentifier).join(", ");
  const rights = securityDefiner ? "security definer" : "security invoker";
  await asAdministrator(inputs, async (client) => {
    // A type has no quoted form, so the server itself says which function is meant.
    const { rows } = await client.query<{ signature: string | null }>(
      "select to_regprocedure($1)::oid::regprocedure::text as signature",
      [`${escapeIdentifier(schema)}.${escapeIdentifier(name)}(${types.join(", ")})`],
    );
    const signature = rows[0]?.signature ?? undefined;
    if (signature === undefined) throw new Error(`function ${schema}.${name}(${types.join(", ")}): not there`);
    await client.query(`alter function ${signature} ${rights} set search_path = ${path}`);
  });
}

/** What the engine calls. */
export const provider: dynamic.ResourceProvider<FunctionSecurityInputs, FunctionSecurityInputs> = {
  create,
  update: (_id, _olds, news) => update(news),
  // The function itself goes with its own resource.
  delete: () => Promise.resolve(),
};
