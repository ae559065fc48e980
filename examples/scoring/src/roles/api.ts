import { openDocuments } from "../documents";
import { loadProfile } from "../profiles";
import { Refusal } from "../refusal";
import { createSession, requireSession, storeResponses } from "../sessions";
import { parseResponses, parseSessionId } from "../validation";
import type { Service, Surroundings } from "./role";

/** Sessions, answers and profiles for clients; tasks, documents and toggles for the web application. */
export function open({ settings, pool }: Surroundings): Service {
  const documents = openDocuments(settings.storage);
  return {
    routes: [
      {
        method: "POST",
        path: "/v1/sessions",
        handle: async () => ({ status: 201, body: { session_id: await createSession(pool) } }),
      },
      {
        method: "POST",
        path: "/v1/sessions/:id/responses",
        async handle(params, body) {
          const sessionId = parseSessionId(params.id);
          const responses = parseResponses(body);
          await requireSession(pool, sessionId);
          await storeResponses(pool, sessionId, responses);
          return { status: 200, body: { session_id: sessionId, stored: responses.length } };
        },
      },
      {
        method: "GET",
        path: "/v1/profiles/:session_id",
        async handle(params) {
          const profile = await loadProfile(pool, parseSessionId(params.session_id));
          if (profile === undefined) throw new Refusal(404, "no_profile", "the session has no profile yet");
          return { status: 200, body: profile };
        },
      },
      {
        method: "GET",
        path: "/v1/tasks",
        open: true,
        async handle() {
          const { rows } = await pool.query("SELECT id, title, done FROM tasks ORDER BY id LIMIT 100");
          return { status: 200, body: { tasks: rows } };
        },
      },
      {
        // Behind the token although it only reads: a list of signed URLs in the open would make the bucket public.
        method: "GET",
        path: "/v1/storage/documents",
        handle: async () => ({ status: 200, body: { documents: await documents.list() } }),
      },
      {
        method: "GET",
        path: "/v1/toggles",
        open: true,
        handle: () => ({ status: 200, body: settings.toggles }),
      },
    ],
    probes: { storage: () => documents.probe() },
    close() {
      documents.close();
    },
  };
}
