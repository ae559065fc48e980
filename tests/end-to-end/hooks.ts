import { closeFixture } from "./fixture";

/** After the last test of all, whatever happened: nothing stays running. */
export const mochaHooks = { afterAll: closeFixture };
