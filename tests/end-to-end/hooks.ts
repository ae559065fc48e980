import { cleanUp, prepare } from "./fixture";

/** Before the first test of all: whatever the machine lacks. */
export const mochaGlobalSetup = prepare;

/** After the last test of all, whatever happened: nothing stays running. */
export const mochaGlobalTeardown = cleanUp;
