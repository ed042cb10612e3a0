import { idArgument } from '@weir/graphql/id-argument';
import { encodeId } from '@weir/kernel/ids';
import type {
  MutationResolvers,
  OrganizationResolvers,
  ProviderKeyResolvers,
  Resolvers,
} from '../../generated/resolvers-types.ts';
import { configTypeOf, fromConfigInput, fromProvider, toConfig, toProvider } from './convert.ts';
import type { ProviderKeyResult } from './provider-key-service.ts';

const Organization: Pick<OrganizationResolvers, 'providerKeys'> = {
  providerKeys: ({ id }, { first, after, level, provider, status }, { services, scope }) =>
    services.providerKeys.list(scope, id, {
      first,
      after,
      filter: {
        level: level ?? undefined,
        provider: provider ? fromProvider(provider) : undefined,
        status: status ?? undefined,
      },
    }),
};

type OwnFields = Pick<
  ProviderKeyResolvers,
  '__resolveReference' | 'id' | 'provider' | 'config' | 'states' | 'lastTest'
>;

const ProviderKey: OwnFields = {
  __resolveReference: ({ id }, { services, scope }) =>
    services.providerKeys.byId(scope, idArgument('providerKey', id, 'id')),
  id: ({ id }) => encodeId('providerKey', id),
  provider: ({ provider }) => toProvider(provider),
  config: ({ provider, config }) => toConfig(provider, config),
  states: ({ id }, _, { scope }) => scope.loaders.providerKeyStates.load(id),
  lastTest: ({ id }, _, { scope }) => scope.loaders.providerKeyTests.load(id),
};

function toPayload(result: ProviderKeyResult) {
  return result.ok
    ? { providerKey: result.value, userErrors: [] }
    : { providerKey: null, userErrors: result.error };
}

const key = (id: string) => idArgument('providerKey', id, 'id');

/** What surrounds a pasted address is no part of it. */
const baseUrlOf = ({ baseUrl }: { readonly baseUrl?: string | null | undefined }) => baseUrl?.trim();

const Mutation: Pick<
  MutationResolvers,
  | 'providerKeyAdd'
  | 'providerKeyUpdate'
  | 'providerKeyReplace'
  | 'providerKeyStatusSet'
  | 'providerKeyDelete'
  | 'providerKeyTest'
> = {
  async providerKeyAdd(_, { input }, { services, scope }) {
    const provider = fromProvider(input.provider);
    const config = fromConfigInput(provider, input.config);
    if (!config.ok) return { providerKey: null, userErrors: [config.error] };
    const addition = {
      organizationId: idArgument('organization', input.organizationId, 'organizationId'),
      name: input.name,
      provider,
      baseUrl: baseUrlOf(input),
      secret: input.secret,
      level: input.level,
      weight: input.weight ?? 1,
      config: config.value ?? {},
    };
    return toPayload(await services.providerKeys.add(scope, addition));
  },

  async providerKeyUpdate(_, { input }, { services, scope }) {
    const found = await services.providerKeys.byId(scope, key(input.id));
    const config = found
      ? fromConfigInput(found.provider, input.config)
      : { ok: true as const, value: undefined };
    if (!config.ok) return { providerKey: null, userErrors: [config.error] };
    const update = {
      name: input.name ?? undefined,
      level: input.level ?? undefined,
      weight: input.weight ?? undefined,
      baseUrl: baseUrlOf(input),
      config: config.value,
    };
    return toPayload(await services.providerKeys.update(scope, key(input.id), update));
  },

  async providerKeyReplace(_, { input }, { services, scope }) {
    const replacement = { secret: input.secret, baseUrl: baseUrlOf(input) };
    return toPayload(await services.providerKeys.replace(scope, key(input.id), replacement));
  },

  async providerKeyStatusSet(_, { input }, { services, scope }) {
    const { status, reason = null } = input;
    return toPayload(await services.providerKeys.setStatus(scope, key(input.id), status, reason));
  },

  async providerKeyDelete(_, { input }, { services, scope }) {
    const result = await services.providerKeys.remove(scope, key(input.id));
    return result.ok
      ? { deletedProviderKeyId: encodeId('providerKey', result.value), userErrors: [] }
      : { deletedProviderKeyId: null, userErrors: result.error };
  },

  async providerKeyTest(_, { input }, { services, scope }) {
    const result = await services.providerKeys.test(scope, key(input.id));
    return result.ok
      ? { ...result.value, userErrors: [] }
      : { providerKey: null, test: null, userErrors: result.error };
  },
};

const ProviderKeyConfig = { __resolveType: configTypeOf };

export const providerKeyResolvers = {
  Organization,
  ProviderKey,
  ProviderKeyConfig,
  Mutation,
} satisfies Resolvers;
