import type { ModelCapability as Capability } from '@weir/contracts/model-capability';
import { MODEL_CAPABILITIES } from '@weir/contracts/model-capability';
import { idArgument } from '@weir/graphql/id-argument';
import { encodeId } from '@weir/kernel/ids';
import type {
  ModelCapability,
  ModelResolvers,
  MutationResolvers,
  OrganizationResolvers,
  Resolvers,
} from '../../generated/resolvers-types.ts';
import { ENVIRONMENTS } from './model.ts';
import type { ModelResult } from './model-service.ts';

const Organization: Pick<OrganizationResolvers, 'models'> = {
  models: ({ id }, { first, after, environment, includeDisabled }, { services, scope }) =>
    services.models.list(scope, id, {
      first,
      after,
      filter: { environment: environment ?? undefined, includeDisabled: includeDisabled ?? true },
    }),
};

type OwnFields = Pick<ModelResolvers, '__resolveReference' | 'id' | 'scope' | 'capabilities' | 'revisions'>;

const Model: OwnFields = {
  __resolveReference: ({ id }, { services, scope }) =>
    services.models.byId(scope, idArgument('model', id, 'id')),
  id: ({ id }) => encodeId('model', id),
  scope: ({ organizationId }) => (organizationId === null ? 'GLOBAL' : 'ORGANIZATION'),
  capabilities: ({ capabilities }) => capabilities.map((capability) => NAMES[capability]),
  revisions: (model, _, { services, scope }) => services.models.revisions(scope, model),
};

const NAMES = {
  chat: 'CHAT',
  completions: 'COMPLETIONS',
  responses: 'RESPONSES',
  messages: 'MESSAGES',
  embeddings: 'EMBEDDINGS',
  images: 'IMAGES',
  audio: 'AUDIO',
  moderation: 'MODERATION',
  vision: 'VISION',
  tools: 'TOOLS',
} as const satisfies Record<Capability, ModelCapability>;

const fromCapabilities = (given: readonly ModelCapability[]): readonly Capability[] =>
  MODEL_CAPABILITIES.filter((capability) => given.includes(NAMES[capability]));

function toPayload(result: ModelResult) {
  return result.ok ? { model: result.value, userErrors: [] } : { model: null, userErrors: result.error };
}

const modelId = (id: string) => idArgument('model', id, 'id');

const Mutation: Pick<
  MutationResolvers,
  'modelRegister' | 'modelUpdate' | 'modelEnable' | 'modelDisable' | 'modelPromote' | 'modelDelete'
> = {
  async modelRegister(_, { input }, { services, scope }) {
    const registration = {
      organizationId: idArgument('organization', input.organizationId, 'organizationId'),
      name: input.name,
      aliases: input.aliases ?? [],
      snapshots: input.snapshots ?? [],
      contextTokens: input.contextTokens,
      maxOutputTokens: input.maxOutputTokens,
      minTier: input.minTier ?? 0,
      capabilities: fromCapabilities(input.capabilities ?? []),
      environments: input.environments ?? ENVIRONMENTS,
    };
    return toPayload(await services.models.register(scope, registration));
  },

  async modelUpdate(_, { input }, { services, scope }) {
    const { id, capabilities, ...rest } = input;
    const given = Object.entries({ ...rest, capabilities: capabilities && fromCapabilities(capabilities) });
    const settings = Object.fromEntries(given.filter(([, value]) => value != null));
    return toPayload(await services.models.update(scope, modelId(id), settings));
  },

  async modelEnable(_, { input }, { services, scope }) {
    return toPayload(await services.models.setEnabled(scope, modelId(input.id), true));
  },

  async modelDisable(_, { input }, { services, scope }) {
    return toPayload(await services.models.setEnabled(scope, modelId(input.id), false));
  },

  async modelPromote(_, { input }, { services, scope }) {
    return toPayload(await services.models.promote(scope, modelId(input.id), input.environment));
  },

  async modelDelete(_, { input }, { services, scope }) {
    const result = await services.models.remove(scope, modelId(input.id));
    return result.ok
      ? { deletedModelId: encodeId('model', result.value), userErrors: [] }
      : { deletedModelId: null, userErrors: result.error };
  },
};

export const modelResolvers = { Organization, Model, Mutation } satisfies Resolvers;
