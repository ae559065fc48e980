import type { Resource } from "../plugin";
import { textOf, type Bag, type Shape } from "../schema";
import { concerning, isGone, known, said, tagPairs, type Account } from "./account";
import { secretVersionShape } from "./compute-shapes";

/** Secrets Manager's secrets. */
export function secretResource(account: Account, shape: Shape): Resource {
  const look = async (id: string, state: Bag): Promise<Bag | undefined> => {
    try {
      const found = await (await account.secrets()).describeSecret({ SecretId: id });
      // One that waits for its deletion is gone for whoever asks.
      if (found.DeletedDate !== undefined) return undefined;
      const region = said(state.region) ?? account.region();
      return {
        ...known(state),
        arn: found.ARN ?? id,
        name: found.Name ?? "",
        region,
        description: found.Description ?? "",
      };
    } catch (error) {
      if (isGone(error)) return undefined;
      throw concerning(`secret ${id}`, error);
    }
  };
  return {
    shape,
    create: async (planned, logical) => {
      const Name = said(planned.name) ?? logical;
      const { ARN = "" } = await (
        await account.secrets()
      )
        .createSecret({
          Name,
          Description: said(planned.description),
          KmsKeyId: said(planned.kmsKeyId),
          Tags: tagPairs(planned).map(([Key, Value]) => ({ Key, Value })),
        })
        .catch((error: unknown) => {
          throw concerning(`secret ${Name}`, error);
        });
      return { id: ARN, state: (await look(ARN, planned)) ?? known(planned) };
    },
    read: async (id, state) => {
      const found = await look(id, state);
      return found === undefined ? undefined : { id, state: found };
    },
    update: async (id, _prior, planned) => {
      const Description = said(planned.description);
      await (await account.secrets()).updateSecret({ SecretId: id, Description, KmsKeyId: said(planned.kmsKeyId) });
      return (await look(id, planned)) ?? known(planned);
    },
    remove: async (id, state) => {
      const days = Number(state.recoveryWindowInDays ?? 30);
      try {
        await (
          await account.secrets()
        ).deleteSecret({
          SecretId: id,
          ...(days === 0 ? { ForceDeleteWithoutRecovery: true } : { RecoveryWindowInDays: days }),
        });
      } catch (error) {
        if (!isGone(error)) throw concerning(`secret ${id}`, error);
      }
    },
  };
}

/** The values of secrets. */
export function secretVersionResource(account: Account): Resource {
  const look = async (id: string, state: Bag): Promise<Bag | undefined> => {
    const [SecretId = "", VersionId = ""] = id.split("|");
    try {
      const found = await (await account.secrets()).getSecretValue({ SecretId, VersionId });
      return {
        ...known(state),
        arn: found.ARN ?? SecretId,
        region: said(state.region) ?? account.region(),
        secretArn: found.ARN ?? SecretId,
        secretId: SecretId,
        secretString: found.SecretString ?? "",
        versionId: VersionId,
        versionStages: found.VersionStages ?? [],
      };
    } catch (error) {
      if (isGone(error)) return undefined;
      throw concerning(`secret ${SecretId}`, error);
    }
  };
  return {
    shape: secretVersionShape,
    create: async (planned) => {
      const SecretId = said(planned.secretId) ?? "";
      const { VersionId = "" } = await (
        await account.secrets()
      )
        .putSecretValue({ SecretId, SecretString: said(planned.secretString) ?? "" })
        .catch((error: unknown) => {
          throw concerning(`secret ${SecretId}`, error);
        });
      const id = `${SecretId}|${VersionId}`;
      return { id, state: (await look(id, planned)) ?? known(planned) };
    },
    read: async (id, state) => {
      const found = await look(id, state);
      return found === undefined ? undefined : { id, state: found };
    },
    update: (_id, prior) => Promise.resolve(prior),
    remove: async (id, state) => {
      const [SecretId = "", RemoveFromVersionId = ""] = id.split("|");
      try {
        const client = await account.secrets();
        const { VersionIdsToStages = {} } = await client.describeSecret({ SecretId });
        // The present value goes with its secret; an earlier one loses its labels, and the service removes it in time.
        for (const VersionStage of VersionIdsToStages[RemoveFromVersionId] ?? []) {
          if (VersionStage === "AWSCURRENT") continue;
          await client.updateSecretVersionStage({ SecretId, VersionStage, RemoveFromVersionId });
        }
      } catch (error) {
        if (!isGone(error)) throw concerning(`secret ${textOf(state.secretId)}`, error);
      }
    },
  };
}
