import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";
import { getMonitor } from "@pulumi/pulumi/runtime";
import { loadSettings } from "../../stacks/settings";
import { declare } from "../../stacks/program";
import type { Settings } from "../../release/parse";
import { asTheEngineGivesIt, readStackFile, secretsFor, type RealStack, type StackFile } from "../release/stack-files";

/** A resource as the program declared it. */
export interface Declared {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Whether the engine refuses to delete it. */
  readonly protect: boolean;
  /** What the program says of the order of a replacement; undefined where it leaves that to the plugin. */
  readonly deleteBeforeReplace: boolean | undefined;
  readonly replaceOnChanges: readonly string[];
}

export interface DeclaredStack {
  readonly settings: Settings;
  /** Type and name of each resource, as often as it was declared. */
  readonly declared: readonly string[];
  /** By type and name: `docker:index/container:Container api`. */
  readonly resources: ReadonlyMap<string, Declared>;
}

/** The resource of a stack; the test fails when there is none. */
export function resourceOf({ resources }: DeclaredStack, type: string, name: string): Declared {
  const found = resources.get(`${type} ${name}`);
  if (found === undefined) throw new Error(`no ${type} ${name} among ${[...resources.keys()].join(", ")}`);
  return found;
}

/**
 * Declares a real stack, from its own file and through its own reader of the configuration, on the engine's mocks. The
 * gates are left out: mocks run no hooks.
 */
export async function declareStack(
  stack: RealStack,
  change: (config: StackFile) => void = () => undefined,
): Promise<DeclaredStack> {
  const seen: Pick<Declared, "type" | "name" | "inputs">[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs, id }) => {
        const given = inputs as Record<string, unknown>;
        seen.push({ type, name, inputs: given });
        return { id: id || `${name}-id`, state: { ...given, ...decided(type, name, given) } };
      },
      call: ({ token }) => {
        throw new Error(`the program asks the engine for ${token}`);
      },
    },
    "rewind",
    stack,
    false,
  );
  const replacements = heardReplacements();
  const config = { ...readStackFile(stack), "rewind:secrets": secretsFor(stack) };
  change(config);
  pulumi.runtime.setAllConfig(asTheEngineGivesIt(config));
  const loaded = loadSettings();
  const { resources, containers } = declare(loaded);
  await known(pulumi.all(resources.map(({ urn }) => urn)));
  await known(containers);
  const guarded = new Set(await Promise.all(resources.filter(isProtected).map(({ urn }) => known(urn))));
  const urnOf =
    ({ type, name }: { type: string; name: string }) =>
    (urn: string) =>
      urn.endsWith(`${type}::${name}`);
  return {
    settings: loaded.settings,
    declared: seen.map(({ type, name }) => `${type} ${name}`),
    resources: new Map(
      seen.map((each) => {
        const key = `${each.type} ${each.name}`;
        const replacement = replacements.get(key) ?? { deleteBeforeReplace: undefined, replaceOnChanges: [] };
        return [key, { ...each, ...replacement, protect: [...guarded].some(urnOf(each)) }];
      }),
    ),
  };
}

/** What the program says of replacing each resource; the mocks hand on inputs alone, so it is heard where they listen. */
function heardReplacements(): Map<string, Pick<Declared, "deleteBeforeReplace" | "replaceOnChanges">> {
  const heard = new Map<string, Pick<Declared, "deleteBeforeReplace" | "replaceOnChanges">>();
  const monitor = getMonitor() as unknown as {
    registerResource(request: RegisterResourceRequest, done: unknown): void;
  };
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, done) => {
    heard.set(`${request.getType()} ${request.getName()}`, {
      deleteBeforeReplace: request.getDeletebeforereplacedefined() ? request.getDeletebeforereplace() : undefined,
      replaceOnChanges: request.getReplaceonchangesList(),
    });
    register(request, done);
  };
  return heard;
}

/** What the platform decides of a resource, recognisable wherever it turns up. */
function decided(type: string, name: string, given: Record<string, unknown>): Record<string, unknown> {
  switch (type) {
    // An engine knows an image by the digest of its own content.
    case "docker:index/remoteImage:RemoteImage":
      return { imageId: `id of ${String(given.name)}` };
    case "aws:ecs/taskDefinition:TaskDefinition":
      return { arn: `arn of ${String(given.family)}` };
    case "aws:lambda/function:Function":
      return { version: `version of ${String(given.name)}` };
    case "aws:secretsmanager/secret:Secret":
      return { arn: `arn of ${name}` };
    case "aws:secretsmanager/secretVersion:SecretVersion":
      return { versionId: `version of ${name}` };
    default:
      return {};
  }
}

function isProtected(resource: pulumi.Resource): boolean {
  return (resource as unknown as { readonly __protect?: boolean }).__protect === true;
}

function known<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply((value) => {
      resolve(value);
    });
  });
}
