import * as pulumi from "@pulumi/pulumi";
import { unknownValue } from "@pulumi/pulumi/runtime";
import type { Clients } from "../checks/clients";
import type { Containers } from "../checks/containers";
import { bringAppliedRows } from "../records/applied-rows";
import { lastLine, whyAnotherLog, type Remembered } from "../records/bound-log";
import type { Entry, Pin } from "../records/entry";
import type { DeploymentLog } from "../records/log";
import { openLogAt } from "../records/open-log";
import { placeOf } from "../records/place";
import { knownFromLog } from "../records/known";
import { projectFiles } from "../records/project-file";
import { logFilesAt, renamedFrom } from "../records/renamed-stack";
import { contentIn, recordsOf } from "../release/records";
import { snapshotOf, surroundingsOf } from "../release/snapshot";
import { deployments, endedEarly, holds, lastUnfinished, lastVerified, pinnedSince, unproven } from "../records/state";
import type { Settings } from "../release/parse";
import { canonicalJson, digestOf } from "../release/canonical";
import { logged, type MigrationStep } from "../release/migration-plan";
import { evidenceOf, failures, judge, warningsIn, type Verdict } from "../release/verdict";
import { cleaned, counted } from "../release/text";
import { redactor } from "../release/redact";
import type { Loaded } from "../release/config";
import { resumingType } from "./jobs";
import type * as probes from "./probes";
import { refuseLosses, refuseWhileStopped } from "./protection";
import { readRemembered, verifiedName } from "./verified";

/** What the gates ask; loaded when the program has declared everything and waits for the engine. */
const asking = () => require("./probes") as typeof probes;

/**
 * The two gates of a stack. Before the first change of any kind: what is pinned exists, what will change answers, and
 * nothing drifted; then the intent is logged. After the last: verification, and the outcome is logged. With nothing to
 * change neither runs.
 */
export class Gates {
  private readonly log: DeploymentLog;
  /** The log as this update found it; in a database every reading of it is a process of its own. */
  private readonly bytes: Buffer;
  private readonly entries: readonly Entry[];
  /** The rollback by `rewind` that this update belongs to. */
  private readonly rollback = process.env.REWIND_ROLLBACK;
  private readonly secrets: Loaded["secrets"];
  private opened: Clients | undefined;
  private readonly redact: (text: string) => string;
  private readonly settings: Settings;
  private checked: Promise<void> | undefined;
  /** The id that the intent of this update will have, once the last resource had to be told. */
  private reserved: string | undefined;
  /** The migrations that this update is about to run. */
  private migrations: readonly MigrationStep[] = [];
  /** What the first gate let pass and a person should know. */
  private warnings: readonly string[] = [];
  /** The restore point that was set for it. */
  private marked: Promise<string | undefined> | undefined;
  private running: { readonly id: string; readonly started: number } | undefined;
  /** What the state remembers of the log, as it was before this update. */
  private readonly remembered: Promise<Remembered | undefined>;

  constructor({ settings, secrets }: Loaded) {
    const stack = pulumi.getStack();
    this.settings = settings;
    this.redact = redactor(secrets);
    try {
      this.log = openLogAt(placeOf(settings.environment.records, "."), stack, this.redact);
      this.bytes = this.log.bytes();
      this.entries = this.log.entries(this.bytes);
    } catch (error) {
      throw new pulumi.RunError(error instanceof Error ? error.message : String(error));
    }
    if (this.entries.every(({ kind }) => kind === "backup")) warnOfRename(stack, settings);
    refuseWhileStopped(this.entries, this.rollback, pulumi.runtime.isDryRun());
    refuseLosses(settings, this.entries);
    this.secrets = secrets;
    this.remembered = readRemembered();
    // Whoever needs it hears of its error.
    this.remembered.catch(() => undefined);
  }

  /** The entry of the deployment that ended last without having passed, undefined when there never was one. */
  get unfinished(): string | undefined {
    return lastUnfinished(this.entries)?.intent.id;
  }

  /**
   * Puts the first gate before every resource. A gate resource of its own would not do: after an update that stopped
   * half-way its state has already moved, and the second try would pass it by.
   */
  guardEverything(): void {
    const hook = new pulumi.ResourceHook("before the change", () => this.passBefore(), { onDryRun: true });
    // In this process: the engine would ask for each resource anew, and all that Rewind declares is declared here.
    pulumi.runtime.registerStackTransformation(({ resource, type, props, opts }) => {
      if (
        !(resource instanceof pulumi.CustomResource) ||
        type.startsWith("pulumi:providers:") ||
        beyondTheGates.has(type)
      )
        return undefined;
      const { hooks = {} } = opts;
      const withHook = (others: (pulumi.ResourceHook | pulumi.ResourceHookFunction)[] = []) => [hook, ...others];
      return {
        props,
        opts: {
          ...opts,
          hooks: { ...hooks, beforeCreate: withHook(hooks.beforeCreate), beforeUpdate: withHook(hooks.beforeUpdate) },
        },
      };
    });
  }

  /**
   * The last resource but those that let workers go on, which says which pin was verified last on this stack.
   * Verification is a hook *before* it moves: one that fails leaves it behind, and the next update tries again. It names
   * the entry of the deployment log, so it moves whenever anything else did, even where the pin stayed.
   */
  verify(everything: readonly pulumi.Resource[], containers: pulumi.Output<Containers>): pulumi.Stash {
    const hook = new pulumi.ResourceHook("after the change", () => this.passAfter(containers));
    setImmediate(asking);
    const applied = pulumi.all(everything.map(({ urn }) => urn));
    // What the engine deletes passes no hook; that something is gone from the program shows here.
    const declared = applied.apply((urns) => digestOf([...urns].sort()));
    const remembered = pulumi.all([applied, this.remembered]).apply(([, before]) => this.toRemember(before));
    return new pulumi.Stash(
      verifiedName,
      { input: { ...this.pin, declared, entry: remembered.entry, line: remembered.line } },
      { dependsOn: [...everything], hooks: { beforeCreate: [hook], beforeUpdate: [hook] } },
    );
  }

  private async passBefore(): Promise<void> {
    const first = this.checked === undefined;
    this.checked ??= this.check();
    await this.checked.catch((error: unknown) => {
      // Several resources wait at the gate; the reasons stand under the first of them.
      throw first ? error : new Error("blocked by the gate before the change; see the first failed resource");
    });
    if (pulumi.runtime.isDryRun()) return;
    if (first) asking().startAhead(this.settings, this.clients);
    // Somebody may have stopped the stack while everything was asked.
    if (this.running === undefined) refuseWhileStopped(this.log.entries(), this.rollback, false);
    this.begin(await this.mark());
  }

  /** Sets a restore point for this update, once, so that the database can be recovered to just before it. */
  private mark(): Promise<string | undefined> {
    this.reserved ??= this.log.nextId();
    const { database } = this.settings.environment;
    this.marked ??=
      database === undefined ? Promise.resolve(undefined) : asking().setRestorePoint(this.clients, this.reserved);
    return this.marked;
  }

  /** Asks everything that must hold before a change. */
  private async check(): Promise<void> {
    await this.refuseAnotherLog();
    const { probesBefore, runProbes, timingBefore, planLive } = asking();
    const known = knownFromLog(this.entries, this.settings, process.cwd());
    bringAppliedRows(this.settings, process.cwd(), known.states);
    const probes = probesBefore(this.settings, this.clients, known, projectFiles(process.cwd()));
    const verdict = judge(await runProbes(probes, timingBefore, this.redact));
    if (verdict.result !== "passed" || pulumi.runtime.isDryRun()) await this.clients.close();
    if (verdict.result !== "passed") {
      const drifted = failures(verdict).some(({ name }) => /^(?:rows|policy) /.test(name));
      const next = drifted ? "\nNext: put them back, or pin a release that has them as they are now." : "";
      throw new Error(refusal("Refused before the first change; nothing was touched.", verdict) + next);
    }
    this.warnings = [...this.warnings, ...warningsIn(verdict)];
    for (const warning of this.warnings) void pulumi.log.warn(warning);
    if (pulumi.runtime.isDryRun()) return;
    this.migrations = ((await planLive(this.settings, this.clients))?.steps ?? []).map(logged);
  }

  /** Without the log that the stack was verified with, no stop, no hold and no record of a release would be known. */
  private async refuseAnotherLog(): Promise<void> {
    const remembered = await this.remembered;
    if (remembered === undefined) return;
    const why = whyAnotherLog(remembered, this.entries, this.bytes);
    if (why === undefined) return;
    const { entry } = remembered;
    const said = this.settings.lostEntries?.[entry];
    const words = `the deployment log ${this.log.location} is not the one that this stack was verified with: ${why}`;
    if (said === undefined) {
      throw new Error(
        `Refused before the first change; nothing was touched.\n  ${words}\nNext: rewind records show, which says where the log is looked for; put it there, from a backup if need be (rewind backup list). Where it is lost: rewind:lostEntries {"${entry}": "<reason>"}`,
      );
    }
    this.warnings = [`${words}; rewind:lostEntries says: ${said}`];
  }

  /** Writes the intent, and sees to it that an outcome is written on every way out. */
  private begin(restorePoint?: string): void {
    if (this.running !== undefined) return;
    const last = lastVerified(this.entries)?.intent.to;
    const { id } = this.log.append({
      ...(this.reserved === undefined ? {} : { id: this.reserved }),
      kind: "intent",
      to: this.pin,
      ...(last === undefined ? {} : { from: last }),
      snapshot: snapshotOf(this.settings),
      records: recordsOf(this.settings),
      ...(this.migrations.length === 0 ? {} : { migrations: this.migrations }),
      ...(restorePoint === undefined ? {} : { restorePoint }),
      ...(this.rollback === undefined ? {} : { rollback: this.rollback }),
      ...(this.warnings.length === 0 ? {} : { warnings: this.warnings }),
    });
    this.run(id);
    void pulumi.log.info(`deployment log: ${this.log.location} entry ${id}`);
  }

  private run(id: string): void {
    this.running = { id, started: performance.now() };
    process.once("exit", () => {
      this.finish(judge([endedEarly]));
    });
    // The engine ends the program by a signal when a resource fails; without a listener nothing would be written.
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(1));
  }

  private async passAfter(containers: pulumi.Output<Containers>): Promise<void> {
    this.checked ??= this.check();
    await this.checked;
    const last = deployments(this.entries).at(-1)?.intent.id;
    // Where nothing else moved and the log has the pin as verified, its entry is verified anew.
    if (this.running === undefined && this.reserved === undefined && last !== undefined) this.run(last);
    else this.begin();
    const running = await new Promise<Containers>((resolve) => containers.apply(resolve));
    const { probesAfter, runProbes, timingAfter } = asking();
    const runsSince = pinnedSince(this.log.entries());
    const probes = probesAfter(this.settings, this.clients, running, runsSince);
    const verdict = judge(await runProbes(probes, timingAfter(this.settings), this.redact));
    await this.clients.close();
    this.finish(verdict);
    if (verdict.result === "failed") this.holdUnproven(verdict);
    if (verdict.result !== "passed") {
      const last = lastVerified(this.entries)?.intent.to.release;
      const held = holds(this.log.entries());
      const [onHold] = [this.pin.release, ...Object.values(this.settings.pinned.sources)].filter((id) => held.has(id));
      const next =
        onHold !== undefined && (last === undefined || last === this.pin.release)
          ? `\nNext: rewind unhold ${onHold} --reason "…" when the cause is gone, then pulumi up, which verifies again.`
          : last === undefined || last === this.pin.release
            ? "\nNext: pulumi up verifies again; pulumi refresh first, when what runs was changed behind the engine's back."
            : `\nNext: pulumi config set rewind:release ${last} && pulumi up, the release verified last.`;
      throw new Error(refusal("Verification failed after the change; `verified` stays where it was.", verdict) + next);
    }
    void pulumi.log.info(`verified ${this.settings.pinned.release}: ${counted(verdict.checks.length, "check")} passed`);
  }

  /**
   * A release that failed, and never passed on this stack, is put on hold. One that passed here before is not: what
   * changed then is not the release.
   */
  private holdUnproven(verdict: Verdict): void {
    const [worst] = failures(verdict);
    const reason = `verification failed: ${worst === undefined ? "" : `${worst.name}: ${evidenceOf(worst)}`}`.slice(
      0,
      500,
    );
    for (const release of unproven(this.log.entries(), this.settings.pinned)) {
      this.log.append({ kind: "hold", release, reason, ...contentIn(this.settings.releases, release) });
      void pulumi.log.warn(`${release} is on hold; when the cause is gone: rewind unhold ${release} --reason "…"`);
    }
  }

  private finish(verdict: Verdict): void {
    if (this.running === undefined) return;
    const { id, started } = this.running;
    this.running = undefined;
    this.log.append({ kind: "outcome", of: id, ...verdict, milliseconds: Math.round(performance.now() - started) });
  }

  private get clients(): Clients {
    return (this.opened ??= asking().openClients(this.settings.environment, this.secrets));
  }

  private get pin(): Pin {
    const { pinned, pins, toggles } = this.settings;
    const surroundings = surroundingsOf(this.settings);
    const over = Object.keys(toggles).length === 0 ? {} : { toggles };
    return { release: pinned.release, digest: pinned.digest, pins, ...over, surroundings };
  }

  /** What the state is to remember of the log. What it remembers of the same deployment stays: it would be a change. */
  private toRemember(before: Remembered | undefined): Remembered {
    const entry = this.entryId();
    if (before?.entry === entry) return before;
    return { entry, line: entry === unknownValue ? (unknownValue as never) : lastLine(this.bytes) };
  }

  /**
   * The entry of the deployment log that `verified` is to name: that of this update when anything changed so far, the
   * last one when it verified this very pin, and otherwise one that is about to be written. A preview cannot know it.
   */
  private entryId(): string {
    if (this.running !== undefined) return this.running.id;
    const last = deployments(this.entries).at(-1);
    const verified = last?.outcome?.result === "passed" && canonicalJson(last.intent.to) === canonicalJson(this.pin);
    if (this.checked === undefined && verified) return last.intent.id;
    if (pulumi.runtime.isDryRun()) return unknownValue;
    this.reserved = this.log.nextId();
    return this.reserved;
  }
}

/** A new stack beside the log of one that was removed is nothing wrong, so it is said, and nothing is refused. */
function warnOfRename(stack: string, { environment }: Settings): void {
  const renamed = renamedFrom(".", stack, logFilesAt(placeOf(environment.records, ".")));
  if (renamed !== undefined) void pulumi.log.warn(`${renamed.evidence}\nNext: ${renamed.next}`);
}

/** The verdict itself, and what waits for it. */
const beyondTheGates = new Set(["pulumi:index:Stash", resumingType]);

function refusal(first: string, verdict: Verdict): string {
  const lines = failures(verdict).map((check) => `  ${check.result.padEnd(12)} ${check.name}: ${evidenceOf(check)}`);
  return cleaned([first, ...(lines.length > 0 ? lines : ["  inconclusive: nothing was measured"])].join("\n"));
}
