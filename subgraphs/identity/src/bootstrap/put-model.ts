import type { ModelCapability } from '@weir/contracts/model-capability';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import type { BootstrapContext } from '../bootstrap.ts';
import { createModelStore } from '../modules/models/model-store.ts';

export interface ModelDefinition {
  /** Finds the model again. */
  readonly name: string;
  readonly aliases?: readonly string[];
  /** Names under which providers report it. */
  readonly snapshots?: readonly string[];
  readonly contextTokens: number;
  readonly maxOutputTokens: number;
  readonly capabilities?: readonly ModelCapability[];
}

export async function putModel({ db, clock }: BootstrapContext, definition: ModelDefinition): Promise<Uuid> {
  const {
    name,
    contextTokens,
    maxOutputTokens,
    aliases = [],
    snapshots = [],
    capabilities = [],
  } = definition;
  const model = { aliases, snapshots, contextTokens, maxOutputTokens, capabilities };
  return db.$transaction(async (tx) => {
    const models = createModelStore(tx);
    await models.actAsPlatform();
    const existing = await models.byName(null, name);
    if (existing) {
      await models.update(existing.id, model);
      return existing.id;
    }
    const id = newUuid(clock.now());
    await models.insert({ ...model, id, organizationId: null, name });
    return id;
  });
}
