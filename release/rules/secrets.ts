import { quote } from "../primitives";
import { requestsOf } from "./verification";
import { problem, type Rule } from "./rule";

export const secretsAreThere: Rule = ({ environment, verification, secrets }) => {
  const wanted: [readonly PropertyKey[], string][] = [];
  for (const facet of ["services", "functions"] as const) {
    for (const [name, workload] of Object.entries(environment[facet] ?? {})) {
      for (const [variable, secret] of Object.entries(workload.secrets ?? {})) {
        wanted.push([["environment", facet, name, "secrets", variable], secret]);
      }
    }
  }
  const { database, objectStore, caches } = environment;
  if (database !== undefined) {
    wanted.push([["environment", "database", "administrator", "password"], database.administrator.password]);
    wanted.push([["environment", "database", "role", "password"], database.role.password]);
    for (const [name, { password }] of Object.entries(database.roles ?? {})) {
      if (password !== undefined) wanted.push([["environment", "database", "roles", name, "password"], password]);
    }
  }
  for (const identity of ["credentials", "stranger"] as const) {
    for (const [key, secret] of Object.entries(objectStore?.[identity] ?? {})) {
      wanted.push([["environment", "objectStore", identity, key], secret]);
    }
  }
  for (const [key, secret] of Object.entries(environment.aws?.credentials ?? {})) {
    wanted.push([["environment", "aws", "credentials", key], secret]);
  }
  if (environment.registryCredentials !== undefined) {
    wanted.push([["environment", "registryCredentials", "password"], environment.registryCredentials.password]);
  }
  for (const [name, { url }] of Object.entries(caches ?? {}))
    wanted.push([["environment", "caches", name, "url"], url]);
  for (const [name, { url }] of Object.entries(environment.jobs ?? {}))
    wanted.push([["environment", "jobs", name, "url"], url]);
  for (const [name, { accessKey, secretKey }] of Object.entries(objectStore?.identities ?? {})) {
    wanted.push([["environment", "objectStore", "identities", name, "accessKey"], accessKey]);
    wanted.push([["environment", "objectStore", "identities", name, "secretKey"], secretKey]);
  }
  for (const [name, definition] of Object.entries(verification?.checks ?? {})) {
    for (const [at, { bearer }] of requestsOf(definition)) {
      if (bearer !== undefined) wanted.push([["verification", "checks", name, ...at, "bearer"], bearer]);
    }
  }
  return wanted
    .filter(([, secret]) => !secrets.includes(secret))
    .map(([path, secret]) =>
      problem(path, `no secret ${quote(secret)}; type: pulumi config set --secret --path 'rewind:secrets.${secret}'`),
    );
};
