import { get } from "node:http";

/** Whether the process on this port answers `/health` with 200 within two seconds. */
export function isHealthy(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, path: "/health", timeout: 2_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on("timeout", () => request.destroy(new Error("timeout")));
    request.on("error", () => {
      resolve(false);
    });
  });
}
