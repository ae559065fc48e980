import type { Resource } from "../plugin";
import { textOf, type Bag } from "../schema";
import { exists } from "./catalogue";
import type { Session, Sessions } from "./session";
import { grantRole as shape } from "./shapes";

/** The membership of one role in another. */
export function grantRoleResource(sessions: Sessions): Resource {
  return {
    shape,
    create: (planned) =>
      sessions.change(undefined, async (session) => {
        const further = planned.withAdminOption === true ? " WITH ADMIN OPTION" : "";
        const [group, role] = [textOf(planned.grantRole), textOf(planned.role)];
        await session.run(`GRANT ${session.name(group)} TO ${session.name(role)}${further}`);
        return { id: idOf(planned), state: planned };
      }),
    read: async (id, state) => {
      const present = await sessions.read(undefined, (session) => readMembership(session, state));
      return present === undefined ? undefined : { id, state: { ...state, withAdminOption: present } };
    },
    update: () => Promise.reject(new Error("a membership is replaced, never changed")),
    remove: (_id, state) =>
      sessions.change(undefined, async (session) => {
        const [group, role] = [textOf(state.grantRole), textOf(state.role)];
        if (!(await exists(session, "role", group)) || !(await exists(session, "role", role))) return;
        await session.run(`REVOKE ${session.name(group)} FROM ${session.name(role)}`);
      }),
  };
}

/** `role_group_admin`, as upstream composes it. */
export function idOf(planned: Bag): string {
  return [planned.role, planned.grantRole, planned.withAdminOption === true].map(String).join("_");
}

async function readMembership(session: Session, state: Bag): Promise<boolean | undefined> {
  const [row] = await session.run(
    `SELECT admin_option AS admin FROM pg_auth_members
      WHERE pg_get_userbyid(roleid) = $1 AND pg_get_userbyid(member) = $2`,
    [textOf(state.grantRole), textOf(state.role)],
  );
  return row === undefined ? undefined : row.admin === true;
}
