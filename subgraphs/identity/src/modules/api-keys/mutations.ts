import { idArgument } from '@weir/graphql/id-argument';
import type { MutationResolvers } from '../../generated/resolvers-types.ts';
import { accessChangeOf } from '../access/access-input.ts';

type ApiKeyMutations = Pick<
  MutationResolvers,
  | 'apiKeyCreate'
  | 'apiKeyUpdate'
  | 'apiKeyRotate'
  | 'apiKeyRevoke'
  | 'apiKeySigningSecretCreate'
  | 'apiKeySigningSecretRemove'
>;

export const apiKeyMutations: ApiKeyMutations = {
  async apiKeyCreate(_, { input }, { services, scope }) {
    const result = await services.apiKeys.create(scope, {
      ...accessChangeOf(input),
      organizationId: idArgument('organization', input.organizationId, 'organizationId'),
      accountId: input.accountId ? idArgument('account', input.accountId, 'accountId') : undefined,
      name: input.name,
      // The schema's defaults stand for these; the generated types cannot say so.
      scopes: input.scopes ?? [],
      expiresAt: input.expiresAt,
      disconnectPolicy: input.disconnectPolicy,
      environment: input.environment,
    });
    return result.ok
      ? { ...result.value, userErrors: [] }
      : { apiKey: null, secret: null, userErrors: result.error };
  },

  async apiKeyUpdate(_, { input }, { services, scope }) {
    const result = await services.apiKeys.update(scope, {
      ...accessChangeOf(input),
      id: idArgument('apiKey', input.id, 'id'),
      expiresAt: input.expiresAt,
      // None of the rest can be cleared, so null is the same as absent.
      scopes: input.scopes ?? undefined,
      disconnectPolicy: input.disconnectPolicy ?? undefined,
      environment: input.environment ?? undefined,
      requiresSignature: input.requiresSignature ?? undefined,
      expectedVersion: input.expectedVersion ?? undefined,
    });
    return result.ok ? { apiKey: result.value, userErrors: [] } : { apiKey: null, userErrors: result.error };
  },

  async apiKeyRotate(_, { input }, { services, scope }) {
    const { overlapSeconds = 0, expiresAt } = input;
    const id = idArgument('apiKey', input.id, 'id');
    const result = await services.apiKeys.rotate(scope, { id, overlapSeconds, expiresAt });
    return result.ok
      ? { ...result.value, userErrors: [] }
      : { apiKey: null, secret: null, replaced: null, userErrors: result.error };
  },

  async apiKeyRevoke(_, { input }, { services, scope }) {
    const result = await services.apiKeys.revoke(scope, idArgument('apiKey', input.id, 'id'));
    return result.ok ? { apiKey: result.value, userErrors: [] } : { apiKey: null, userErrors: result.error };
  },

  async apiKeySigningSecretCreate(_, { input }, { services, scope }) {
    const id = idArgument('apiKey', input.id, 'id');
    const result = await services.apiKeys.createSigningSecret(scope, id, input.requireSignature ?? false);
    return result.ok
      ? { ...result.value, userErrors: [] }
      : { apiKey: null, signingSecret: null, userErrors: result.error };
  },

  async apiKeySigningSecretRemove(_, { input }, { services, scope }) {
    const result = await services.apiKeys.removeSigningSecret(scope, idArgument('apiKey', input.id, 'id'));
    return result.ok ? { apiKey: result.value, userErrors: [] } : { apiKey: null, userErrors: result.error };
  },
};
