import { resourcesOf } from "./access";
import type { Settings } from "./parse";
import { namesByType, renderPolicy, statementsOf } from "./policy";
import { namesSource } from "./public";
import { isOnAws } from "./runtime";
import type { Statement } from "./schema/storage";
import type { Release } from "./schema/release";

const sources = new Set(
  ["arn", "account", "owner", "orgid", "orgpaths", "vpc", "vpce"].map((name) => `aws:source${name}`),
);
/** Services that deliver logs write below the account that they deliver for. */
const ofOneAccount = /\/AWSLogs\/(?:[^/]*=)?\d{12}\//;

/**
 * The statements that let a service of AWS in on behalf of any customer, a line each with the remedy. A service acts for
 * all of its customers: without the account or the resource for which it acts, any of them may send it here ("The confused
 * deputy problem", IAM User Guide). It is no refusal, since AWS's own instructions leave the condition out here and there.
 */
export function deputiesOf(
  { storage = {} }: Pick<Release, "storage">,
  { environment }: Pick<Settings, "environment">,
): string[] {
  const { objectStore } = environment;
  if (objectStore === undefined || !isOnAws({ objectStore })) return [];
  return Object.entries(storage).flatMap(([name, { policy }]) =>
    statementsOf(renderPolicy(policy, objectStore.buckets[name] ?? name, objectStore.principals ?? {})).flatMap(
      (statement, index) => {
        const services = servicesOf(statement);
        if (services.length === 0 || isBound(statement)) return [];
        return [
          `storage/${name} ${statement.Sid ?? `Statement ${index}`} lets ${services.join(", ")} in on behalf of any AWS customer; add a condition on aws:SourceAccount or aws:SourceArn`,
        ];
      },
    ),
  );
}

function servicesOf({ Effect, Principal }: Statement): string[] {
  if (Effect !== "Allow" || Principal === undefined || Principal === "*") return [];
  return namesByType(Principal).flatMap(([type, names]) => (type === "Service" ? names : []));
}

function isBound(statement: Statement): boolean {
  const resources = resourcesOf(statement);
  const isDelivery =
    statement.Resource !== undefined && resources.length > 0 && resources.every((each) => ofOneAccount.test(each));
  return isDelivery || namesSource(statement, sources);
}
