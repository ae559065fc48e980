import { eachRelease, problem, type Rule } from "./rule";

export const migrationsHaveAFolder: Rule = (settings) => {
  const { database, name } = settings.environment;
  if (database?.migrations !== undefined) return [];
  return eachRelease(settings, ({ schema }, at) =>
    schema?.migration === undefined
      ? []
      : [
          problem(
            [...at, "schema", "migration"],
            `the environment ${name} has no database.migrations, so none can be run`,
          ),
        ],
  );
};
