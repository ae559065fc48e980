import type { FunctionConfiguration, Runtime } from "@aws-sdk/client-lambda";
import type { Resource } from "../plugin";
import { isEmpty, textOf, UNKNOWN, type Bag, type Shape } from "../schema";
import { bagOf, concerning, isGone, known, said, tagPairs, textsOf, until, type Account } from "./account";
import { aliasShape } from "./compute-shapes";

/** Functions on Lambda, with a published version per change. */
export function functionResource(account: Account, shape: Shape): Resource {
  const find = async (name: string): Promise<FunctionConfiguration | undefined> => {
    try {
      return await (await account.lambda()).getFunctionConfiguration({ FunctionName: name });
    } catch (error) {
      if (isGone(error)) return undefined;
      throw concerning(`function ${name}`, error);
    }
  };
  /** Code and settings are changed one after the other, and each change needs the one before to be done. */
  const ready = (name: string): Promise<void> =>
    until(`function ${name}`, 600, async () => {
      const { State, LastUpdateStatus, LastUpdateStatusReason } = (await find(name)) ?? {};
      if (LastUpdateStatus === "Failed") throw new Error(`function ${name}: ${LastUpdateStatusReason ?? "failed"}`);
      return State === "Pending" || LastUpdateStatus === "InProgress" ? (State ?? "pending") : true;
    });
  const stateOf = (found: FunctionConfiguration, planned: Bag, version: string): Bag => {
    const arn = found.FunctionArn ?? "";
    const region = said(planned.region) ?? account.region();
    const invoke = (of: string) => `arn:aws:apigateway:${region}:lambda:path/2015-03-31/functions/${of}/invocations`;
    return {
      ...known(planned),
      architectures: found.Architectures ?? ["x86_64"],
      arn,
      codeSha256: found.CodeSha256 ?? "",
      invokeArn: invoke(arn),
      lastModified: found.LastModified ?? "",
      name: found.FunctionName ?? "",
      qualifiedArn: `${arn}:${version}`,
      qualifiedInvokeArn: invoke(`${arn}:${version}`),
      region,
      sourceCodeHash: said(planned.sourceCodeHash) ?? found.CodeSha256 ?? "",
      sourceCodeSize: found.CodeSize ?? 0,
      version,
    };
  };
  const published = async (name: string, planned: Bag): Promise<Bag> => {
    await ready(name);
    const { Version = "$LATEST" } =
      planned.publish === true ? await (await account.lambda()).publishVersion({ FunctionName: name }) : {};
    const found = await find(name);
    if (found === undefined) throw new Error(`function ${name}: gone right after it was changed`);
    return stateOf(found, planned, Version);
  };
  return {
    shape,
    create: async (planned, logical) => {
      const name = said(planned.name) ?? logical;
      try {
        const client = await account.lambda();
        await client.createFunction({
          FunctionName: name,
          ...settingsOf(planned),
          Role: textOf(planned.role),
          Code: codeOf(planned),
          PackageType: said(planned.packageType) as "Image" | undefined,
          Architectures: architecturesOf(planned),
          ...(isEmpty(planned.tagsAll) ? {} : { Tags: Object.fromEntries(tagPairs(planned)) }),
        });
        return { id: name, state: await published(name, planned) };
      } catch (error) {
        throw concerning(`function ${name}`, error);
      }
    },
    read: async (id, state) => {
      const found = await find(id);
      return found === undefined ? undefined : { id, state: stateOf(found, state, textOf(state.version)) };
    },
    update: async (id, prior, planned) => {
      try {
        const client = await account.lambda();
        await client.updateFunctionConfiguration({ FunctionName: id, ...settingsOf(planned) });
        await ready(id);
        const code = ["imageUri", "s3Bucket", "s3Key", "sourceCodeHash", "architectures"];
        if (code.some((key) => textOf(prior[key]) !== textOf(planned[key]))) {
          await client.updateFunctionCode({
            FunctionName: id,
            ...codeOf(planned),
            Architectures: architecturesOf(planned),
          });
        }
        return await published(id, planned);
      } catch (error) {
        throw concerning(`function ${id}`, error);
      }
    },
    remove: async (id, state) => {
      if (state.skipDestroy === true) return;
      try {
        await (await account.lambda()).deleteFunction({ FunctionName: id });
      } catch (error) {
        if (!isGone(error)) throw concerning(`function ${id}`, error);
      }
    },
  };
}

/** Names for versions of functions. */
export function aliasResource(account: Account): Resource {
  const look = async (state: Bag): Promise<Bag | undefined> => {
    const [FunctionName, Name] = [textOf(state.functionName), textOf(state.name)];
    try {
      const found = await (await account.lambda()).getAlias({ FunctionName, Name });
      const arn = found.AliasArn ?? "";
      const region = said(state.region) ?? account.region();
      return {
        ...known(state),
        arn,
        description: found.Description ?? "",
        functionVersion: found.FunctionVersion ?? "",
        invokeArn: `arn:aws:apigateway:${region}:lambda:path/2015-03-31/functions/${arn}/invocations`,
        region,
      };
    } catch (error) {
      if (isGone(error)) return undefined;
      throw concerning(`alias ${FunctionName}:${Name}`, error);
    }
  };
  const put = async (planned: Bag, verb: "createAlias" | "updateAlias"): Promise<Bag> => {
    const [FunctionName, Name] = [textOf(planned.functionName), textOf(planned.name)];
    const FunctionVersion = textOf(planned.functionVersion);
    const settings = { FunctionName, Name, FunctionVersion, Description: said(planned.description) };
    const client = await account.lambda();
    try {
      await (verb === "createAlias" ? client.createAlias(settings) : client.updateAlias(settings));
    } catch (error) {
      throw concerning(`alias ${FunctionName}:${Name}`, error);
    }
    return (await look(planned)) ?? known(planned);
  };
  return {
    shape: aliasShape,
    create: async (planned, logical) => {
      const state = await put({ ...planned, name: said(planned.name) ?? logical }, "createAlias");
      return { id: textOf(state.arn), state };
    },
    read: async (id, state) => {
      const found = await look(state);
      return found === undefined ? undefined : { id, state: found };
    },
    update: (_id, _prior, planned) => put(planned, "updateAlias"),
    remove: async (_id, state) => {
      const [FunctionName, Name] = [textOf(state.functionName), textOf(state.name)];
      try {
        await (await account.lambda()).deleteAlias({ FunctionName, Name });
      } catch (error) {
        if (!isGone(error)) throw concerning(`alias ${FunctionName}:${Name}`, error);
      }
    },
  };
}

function codeOf(planned: Bag): { ImageUri: string } | { S3Bucket: string; S3Key: string } {
  const image = said(planned.imageUri);
  return image === undefined
    ? { S3Bucket: textOf(planned.s3Bucket), S3Key: textOf(planned.s3Key) }
    : { ImageUri: image };
}

function architecturesOf({ architectures }: Bag): "x86_64"[] | undefined {
  return isEmpty(architectures) || architectures === UNKNOWN ? undefined : (textsOf(architectures) as "x86_64"[]);
}

function settingsOf(planned: Bag) {
  const { variables } = bagOf(planned.environment);
  const vpc = bagOf(planned.vpcConfig);
  const { commands, entryPoints, workingDirectory } = bagOf(planned.imageConfig);
  const texts = Object.entries(bagOf(variables)).map(([name, value]) => [name, textOf(value)] as const);
  return {
    Description: said(planned.description),
    Environment: { Variables: Object.fromEntries(texts) },
    Handler: said(planned.handler),
    Runtime: said(planned.runtime) as Runtime | undefined,
    KMSKeyArn: said(planned.kmsKeyArn),
    MemorySize: Number(planned.memorySize),
    Role: textOf(planned.role),
    Timeout: Number(planned.timeout),
    ...(isEmpty(planned.imageConfig)
      ? {}
      : {
          ImageConfig: {
            ...(isEmpty(commands) ? {} : { Command: textsOf(commands) }),
            ...(isEmpty(entryPoints) ? {} : { EntryPoint: textsOf(entryPoints) }),
            ...(isEmpty(workingDirectory) ? {} : { WorkingDirectory: textOf(workingDirectory) }),
          },
        }),
    ...(isEmpty(planned.vpcConfig)
      ? {}
      : { VpcConfig: { SecurityGroupIds: textsOf(vpc.securityGroupIds), SubnetIds: textsOf(vpc.subnetIds) } }),
  };
}
