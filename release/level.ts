/** `fast` leaves the database as it is; `full` moves everything that the release pins. */
export const levels = ["fast", "full"] as const;
export type Level = (typeof levels)[number];
