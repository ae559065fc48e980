import type { Plugin } from "../plugin";
import type { Bag } from "../schema";
import { databaseResource } from "./database";
import { defaultPrivilegesResource } from "./default-privileges";
import { extensionResource } from "./extension";
import { functionResource } from "./function";
import { grantResource } from "./grant";
import { grantRoleResource } from "./grant-role";
import { roleResource } from "./role";
import { schemaResource } from "./schema";
import { clientConfig, sessionsFor } from "./session";

/** The local stand-in for `pulumi-resource-postgresql`, on the server that the provider names. */
export function postgresqlPlugin(environment: NodeJS.ProcessEnv = process.env): Plugin {
  let settings: Bag = {};
  const sessions = sessionsFor(() => clientConfig(settings, environment));
  return {
    name: "postgresql",
    // What the plugin of SDK 3.18.1 calls itself.
    version: "3.18.0",
    secretSettings: ["password"],
    resources: {
      "postgresql:index/database:Database": databaseResource(sessions),
      "postgresql:index/defaultPrivileges:DefaultPrivileges": defaultPrivilegesResource(sessions),
      "postgresql:index/extension:Extension": extensionResource(sessions),
      "postgresql:index/function:Function": functionResource(sessions),
      "postgresql:index/grant:Grant": grantResource(sessions),
      // No stack of ours declares it: recordings of Role show what becomes of it.
      "postgresql:index/grantRole:GrantRole": grantRoleResource(sessions),
      "postgresql:index/role:Role": roleResource(sessions),
      "postgresql:index/schema:Schema": schemaResource(sessions),
    },
    configure: (given) => {
      settings = given;
    },
    // A statement cannot be taken back half-way; each is short, and the engine waits for it.
    cancel: () => undefined,
  };
}
