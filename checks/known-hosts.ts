import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** What an SSH client is told so that it talks to the host that is meant and to no other. */
export interface HostCheck {
  /** Asked with the key that the host shows; calls back with whether it is one of the host's. */
  hostVerifier(key: Buffer, verified: (isHost: boolean) => void): void;
}

/** The files in which ssh keeps the keys of hosts: the person's, and the machine's. */
const usualFiles = (): string[] => [
  join(homedir(), ".ssh", "known_hosts"),
  join(homedir(), ".ssh", "known_hosts2"),
  "/etc/ssh/ssh_known_hosts",
];

/**
 * Lets an SSH client on only to a host whose key is known, as ssh itself does. Without it, any server at the address is
 * given the passwords of registries, and says what runs.
 */
export function hostCheck(host: string, port: number, files: readonly string[] = usualFiles()): HostCheck {
  return {
    hostVerifier: (key, verified) => {
      keysOf(host, port, files).then(
        (known) => {
          verified(known.has(key.toString("base64")));
        },
        () => {
          verified(false);
        },
      );
    },
  };
}

/** The keys of a host, in base64. Hosts may stand there hashed, or by a pattern: ssh-keygen finds them. */
async function keysOf(host: string, port: number, files: readonly string[]): Promise<Set<string>> {
  const name = port === 22 ? host : `[${host}]:${port}`;
  const known = new Set<string>();
  const revoked = new Set<string>();
  for (const file of files.filter((each) => existsSync(each))) {
    // It ends with 1 where the file has none.
    const { stdout } = await execute("ssh-keygen", ["-F", name, "-f", file]).catch((error: unknown) => {
      if ((error as { code?: unknown }).code === 1) return { stdout: "" };
      throw error;
    });
    for (const line of stdout.split("\n").filter((each) => each !== "" && !each.startsWith("#"))) {
      const [first = "", ...rest] = line.split(" ");
      const key = (first.startsWith("@") ? rest[2] : rest[1]) ?? "";
      if (first === "@revoked") revoked.add(key);
      else if (!first.startsWith("@")) known.add(key);
    }
  }
  for (const key of revoked) known.delete(key);
  return known;
}
