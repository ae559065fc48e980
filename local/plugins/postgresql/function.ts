import { randomBytes } from "node:crypto";
import type { Resource } from "../plugin";
import { isBag, isEmpty, textOf, UNKNOWN, type Bag, type Value } from "../schema";
import { exists } from "./catalogue";
import type { Session, Sessions } from "./session";
import { sqlFunction as shape } from "./shapes";

const modes = ["IN", "OUT", "INOUT", "VARIADIC"];
const volatilities = ["VOLATILE", "STABLE", "IMMUTABLE"];
const parallels = ["UNSAFE", "RESTRICTED", "SAFE"];

/** Functions of a database. A type has no quoted form, so it passes only when it is spelled as types are. */
export function functionResource(sessions: Sessions): Resource {
  const put = (planned: Bag): Promise<{ id: string; state: Bag }> =>
    sessions.change(databaseOf(planned), async (session) => {
      await session.run(definition(session, planned));
      const schema = schemaOf(planned);
      const [row] = await session.run("SELECT current_database()::text AS name");
      const state: Bag = { ...planned, database: String(row?.name), schema };
      return { id: idOf(state), state };
    });
  return {
    shape,
    create: put,
    update: async (_id, _prior, planned) => (await put(planned)).state,
    read: async (id, state) => {
      if (isEmpty(state.name)) throw new Error(`function ${id}: cannot be imported`);
      const database = textOf(state.database);
      if (!(await sessions.read(undefined, (session) => exists(session, "database", database)))) return undefined;
      return sessions.read(database, async (session) => {
        const present = await readFunction(session, state);
        return present === undefined ? undefined : { id, state: { ...state, ...present } };
      });
    },
    remove: async (_id, state) => {
      const database = textOf(state.database);
      if (!(await sessions.read(undefined, (session) => exists(session, "database", database)))) return;
      await sessions.change(database, async (session) => {
        if (!(await exists(session, "schema", schemaOf(state)))) return;
        const how = state.dropCascade === true ? "CASCADE" : "RESTRICT";
        await session.run(`DROP FUNCTION IF EXISTS ${signature(session, state)} ${how}`);
      });
    },
  };
}

/** `database.schema.name(types)`, as upstream composes it. */
export function idOf(state: Bag): string {
  const types = argumentsOf(state)
    .filter(isInput)
    .map((argument) => textOf(argument.type));
  return `${textOf(state.database)}.${schemaOf(state)}.${textOf(state.name)}(${types.join(",")})`;
}

function definition(session: Session, planned: Bag): string {
  const takes = argumentsOf(planned).map((argument) => {
    const mode = oneOf("mode", modes, textOf(argument.mode) || "IN");
    const name = isEmpty(argument.name) ? "" : ` ${session.name(textOf(argument.name))}`;
    if (!isEmpty(argument.default)) throw new Error("function: defaults are not for the local postgresql plugin");
    return `${mode}${name} ${typeName(argument.type)}`;
  });
  // A body may hold any text, a dollar quote too, so the quote around it is one that nobody can know.
  const quote = `$rewind_${randomBytes(8).toString("hex")}$`;
  return [
    `CREATE OR REPLACE FUNCTION ${session.name(schemaOf(planned))}.${session.name(textOf(planned.name))}(${takes.join(", ")})`,
    `RETURNS ${typeName(planned.returns || "void")}`,
    `LANGUAGE ${session.name(textOf(planned.language || "plpgsql"))}`,
    oneOf("volatility", volatilities, textOf(planned.volatility)),
    ...(planned.securityDefiner === true ? ["SECURITY DEFINER"] : []),
    ...(planned.strict === true ? ["STRICT"] : []),
    `PARALLEL ${oneOf("parallel", parallels, textOf(planned.parallel))}`,
    `AS ${quote}${textOf(planned.body)}${quote}`,
  ].join("\n");
}

function signature(session: Session, state: Bag): string {
  const types = argumentsOf(state)
    .filter(isInput)
    .map((argument) => typeName(argument.type));
  return `${session.name(schemaOf(state))}.${session.name(textOf(state.name))}(${types.join(", ")})`;
}

function typeName(value: Value | undefined): string {
  const text = textOf(value);
  if (!/^(?:setof )?[a-z_][a-z0-9_ ]*(?:\.[a-z_][a-z0-9_]*)?(?:\(\d+(?:, ?\d+)?\))?(?:\[\])*$/i.test(text)) {
    throw new Error(`function: expected a type such as uuid or numeric(10,2), got ${JSON.stringify(text)}`);
  }
  return text;
}

function oneOf(what: string, known: readonly string[], value: string): string {
  const word = value.toUpperCase();
  if (!known.includes(word)) {
    throw new Error(`function: expected ${what} ${known.join(", ")}, got ${JSON.stringify(value)}`);
  }
  return word;
}

function argumentsOf(bag: Bag): Bag[] {
  return Array.isArray(bag.args) ? bag.args.filter(isBag) : [];
}

function isInput(argument: Bag): boolean {
  return textOf(argument.mode).toUpperCase() !== "OUT";
}

function schemaOf(bag: Bag): string {
  return isEmpty(bag.schema) || bag.schema === UNKNOWN ? "public" : textOf(bag.schema);
}

function databaseOf(bag: Bag): string | undefined {
  return isEmpty(bag.database) || bag.database === UNKNOWN ? undefined : textOf(bag.database);
}

async function readFunction(session: Session, state: Bag): Promise<Bag | undefined> {
  const [row] = await session.run(
    `SELECT prosrc AS body, prosecdef AS definer, proisstrict AS strict, provolatile::text AS volatility,
            proparallel::text AS parallel, lanname::text AS language
       FROM pg_proc JOIN pg_language ON prolang = pg_language.oid
      WHERE pg_proc.oid = to_regprocedure($1)`,
    [signature(session, state)],
  );
  if (row === undefined) return undefined;
  const letter = (words: readonly string[], value: unknown): string =>
    words.find((word) => word.toLowerCase().startsWith(String(value))) ?? "";
  return {
    body: String(row.body),
    language: String(row.language),
    securityDefiner: row.definer === true,
    strict: row.strict === true,
    volatility: letter(volatilities, row.volatility),
    parallel: letter(parallels, row.parallel),
  };
}
