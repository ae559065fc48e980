/**
 * Everything that the gates ask, behind one door: its clients take half a second to load, which `gates.ts` spends while
 * the engine starts its plugins.
 */
export { probesAfter, startAhead, timingAfter } from "../checks/after";
export { probesBefore, timingBefore } from "../checks/before";
export { openClients } from "../checks/clients";
export { planLive } from "../checks/migrations";
export { runProbes } from "../checks/probe";
export { setRestorePoint } from "../checks/restore-point";
