import { idArgument } from '@weir/graphql/id-argument';
import type { Uuid } from '@weir/kernel/ids';
import type {
  AccountFilter as FilterInput,
  AccountOrder as OrderInput,
} from '../../generated/resolvers-types.ts';
import { parseSearch, pathArgument, type AccountFilter } from './account-filter.ts';
import type { AccountListArgs } from './account-service.ts';

interface ListArgs {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly filter?: FilterInput | null | undefined;
  readonly orderBy?: OrderInput | null | undefined;
}

/**
 * What a list of accounts is asked for.
 * @param parentId Only what is directly below it.
 * @throws AppError BAD_USER_INPUT for ids, paths and searches that are none.
 */
export function listArgsOf({ first, after, filter, orderBy }: ListArgs, parentId?: Uuid): AccountListArgs {
  const filters = [
    ...(parentId === undefined ? [] : [{ parentId }]),
    ...(filter ? [filterOf(filter)] : []),
    ...(filter?.search == null ? [] : [parseSearch(filter.search)]),
  ];
  const { field = 'CREATED_AT', direction = 'ASC' } = orderBy ?? {};
  return { first, after, filters, order: { field, direction } };
}

function filterOf(input: FilterInput): AccountFilter {
  const { ids, path, parentId, name, levels, gears, tiers, kinds, statuses } = input;
  return {
    ids: ids?.map((id) => idArgument('account', id, 'ids')),
    path: path == null ? undefined : pathArgument(path, 'path'),
    parentId: parentId == null ? undefined : idArgument('account', parentId, 'parentId'),
    nameStartsWith: name?.startsWith?.toLowerCase(),
    nameContains: name?.contains == null ? undefined : [name.contains.toLowerCase()],
    levels: levels ?? undefined,
    gears: gears ?? undefined,
    tiers: tiers ?? undefined,
    kinds: kinds ?? undefined,
    statuses: statuses ?? undefined,
  };
}
