import type {
  MutationResolvers,
  QueryResolvers,
  Resolvers,
  SigningKeyResolvers,
} from '../../generated/resolvers-types.ts';

const Query: Pick<QueryResolvers, 'signingKeys'> = {
  signingKeys: (_, __, { services, scope }) => services.signingKeys.list(scope.identity),
};

const Mutation: Pick<MutationResolvers, 'signingKeyRotate'> = {
  async signingKeyRotate(_, { input }, { services, scope }) {
    return { signingKey: await services.signingKeys.rotate(scope.identity, input.immediately ?? false) };
  },
};

const SigningKey: Pick<SigningKeyResolvers, 'kid'> = { kid: ({ id }) => id };

export const signingKeyResolvers = { Query, Mutation, SigningKey } satisfies Resolvers;
