import { Module } from "node:module";

// Stryker's runner asks for files of Mocha without the ending that they have since Mocha 12.
Module._extensions[".cjs"] ??= Module._extensions[".js"];
export const { strykerPlugins, strykerValidationSchema } = await import("@stryker-mutator/mocha-runner");
