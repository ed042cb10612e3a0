import { idArgument } from '@weir/graphql/id-argument';
import { encodeId } from '@weir/kernel/ids';
import type {
  MutationResolvers,
  PasskeyResolvers,
  Resolvers,
  SecondFactorsResolvers,
} from '../../generated/resolvers-types.ts';
import { deliverTokens, NO_TOKENS } from '../sessions/token-delivery.ts';
import { passkeyScalars } from './scalars.ts';

type PasskeyMutations = Pick<
  MutationResolvers,
  | 'passkeyRegistrationBegin'
  | 'passkeyRegister'
  | 'passkeyRename'
  | 'passkeyRemove'
  | 'passkeySignInBegin'
  | 'passkeySignIn'
>;

const Mutation: PasskeyMutations = {
  async passkeyRegistrationBegin(_, __, { services, scope }) {
    const result = await services.passkeys.beginRegistration(scope.identity);
    return result.ok
      ? { ...result.value, userErrors: [] }
      : { challengeToken: null, options: null, userErrors: [result.error] };
  },

  async passkeyRegister(_, { input }, { services, scope }) {
    const { name, ...response } = input;
    const result = await services.passkeys.register(scope.identity, response, name);
    return result.ok
      ? { ...result.value, userErrors: [] }
      : { passkey: null, recoveryCodes: null, userErrors: [result.error] };
  },

  async passkeyRename(_, { input }, { services, scope }) {
    const id = idArgument('passkey', input.id, 'id');
    const result = await services.passkeys.rename(scope.identity, id, input.name);
    return result.ok
      ? { passkey: result.value, userErrors: [] }
      : { passkey: null, userErrors: [result.error] };
  },

  async passkeyRemove(_, { input }, { services, scope }) {
    const id = idArgument('passkey', input.id, 'id');
    const result = await services.passkeys.remove(scope.identity, id, input);
    return result.ok
      ? { removedId: encodeId('passkey', result.value), userErrors: [] }
      : { removedId: null, userErrors: [result.error] };
  },

  async passkeySignInBegin(_, __, { services }) {
    const result = await services.passkeys.beginSignIn();
    return result.ok
      ? { challenge: result.value, userErrors: [] }
      : { challenge: null, userErrors: [result.error] };
  },

  async passkeySignIn(_, { input }, { services, scope, exchange }) {
    const result = await services.passkeys.signIn(input, scope.identity);
    if (!result.ok) return { ...NO_TOKENS, viewer: null, userErrors: [result.error] };
    const signedIn = await services.sessions.complete(result.value);
    const viewer = { ...scope.identity, ...signedIn.standing };
    scope.become(viewer);
    return { ...deliverTokens(signedIn, exchange), viewer, userErrors: [] };
  },
};

const Passkey: Pick<PasskeyResolvers, 'id'> = { id: ({ id }) => encodeId('passkey', id) };

const SecondFactors: Pick<SecondFactorsResolvers, 'passkeys'> = {
  passkeys: (_, __, { services, scope }) => services.passkeys.ofViewer(scope.identity),
};

export const passkeyResolvers = { Mutation, Passkey, SecondFactors, ...passkeyScalars } satisfies Resolvers;
