import { escapeLiteral, type ClientBase } from "pg";
import type { Move } from "./move";
import { column, qualified } from "./sql";
import { temporary } from "./stage";

/**
 * Moves the sequences of identity and serial columns past the pinned values, so that the application's next row does not
 * collide with one. Only ever onwards, and only when the sequence has not got there by itself.
 */
export async function followSequences(client: ClientBase, { located, columns, staged }: Move): Promise<void> {
  const { rows } = await client.query<{ column: string; sequence: string; up: boolean }>(
    `select attname as column, s.seqrelid::regclass::text as sequence, s.seqincrement > 0 as up
     from pg_attribute a
     left join pg_attrdef d on d.adrelid = attrelid and d.adnum = attnum
     join pg_depend p on p.refclassid = 'pg_class'::regclass and p.classid = 'pg_class'::regclass
         and p.refobjid = attrelid and p.refobjsubid = attnum and p.deptype in ('a', 'i')
       or p.classid = 'pg_attrdef'::regclass and p.objid = d.oid and p.refclassid = 'pg_class'::regclass
     join pg_sequence s on s.seqrelid = case when p.classid = 'pg_class'::regclass then p.objid else p.refobjid end
     where attrelid = to_regclass($1) and attnum > 0 group by 1, 2, 3`,
    [qualified(located)],
  );
  const pinned = new Set(columns.map(({ name }) => name));
  for (const { column: name, sequence, up } of rows.filter((each) => pinned.has(each.column))) {
    const last = `(select ${up ? "max" : "min"}(${column("s", name)})::numeric as value from ${temporary(staged)} s)`;
    // Read and set in one statement: what the application draws in between is not taken back.
    await client.query(
      `select setval(${escapeLiteral(sequence)}::regclass, m.value::bigint)
       from ${sequence} q, pg_sequence, ${last} m
       where seqrelid = ${escapeLiteral(sequence)}::regclass and m.value between seqmin and seqmax
         and case when is_called then m.value ${up ? ">" : "<"} last_value else m.value ${up ? ">=" : "<="} last_value end`,
    );
  }
}
