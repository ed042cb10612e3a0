import type { AccessListsResolvers, Resolvers } from '../../generated/resolvers-types.ts';
import { levelsOf } from './access-lists.ts';

const AccessLists: Pick<AccessListsResolvers, 'allowLevels'> = {
  allowLevels: ({ allowLevels }) => levelsOf(allowLevels),
};

export const accessResolvers = { AccessLists } satisfies Resolvers;
