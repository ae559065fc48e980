/**
 * `fast` leaves the database as it is; `full` moves everything that the release pins; `manual` asks for every change,
 * and leaves what was answered with no where it is.
 */
export const levels = ["fast", "full", "manual"] as const;
export type Level = (typeof levels)[number];
