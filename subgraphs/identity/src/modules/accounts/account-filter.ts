import { AppError } from '@weir/kernel/errors';
import { decodeId, isUuid, type Uuid } from '@weir/kernel/ids';
import type { AccountKind, AccountStatus } from './account.ts';

/** Which accounts are asked for; members that are left out ask for nothing, all others must hold together. */
export interface AccountFilter {
  readonly ids?: readonly Uuid[] | undefined;
  /** Ids from an ancestor down to the node that is meant: that node and everything below it. */
  readonly path?: readonly Uuid[] | undefined;
  readonly parentId?: Uuid | undefined;
  /** In lower case. */
  readonly nameStartsWith?: string | undefined;
  readonly nameContains?: readonly string[] | undefined;
  readonly levels?: readonly number[] | undefined;
  readonly gears?: readonly number[] | undefined;
  readonly tiers?: readonly number[] | undefined;
  readonly kinds?: readonly AccountKind[] | undefined;
  /** ACTIVE and SUSPENDED unless told: deleted accounts are found by those who ask for them. */
  readonly statuses?: readonly AccountStatus[] | undefined;
}

const VALUES_MAX = 100;
const TEXT_MAX = 500;
const DEEPEST = 51;

const refuse = (message: string, param: string): never => {
  throw new AppError('BAD_USER_INPUT', message, { param });
};

/**
 * The ids of a path such as `.acc_a.acc_b.`: they follow each other down the tree and may begin anywhere above the node.
 * @throws AppError BAD_USER_INPUT
 */
export function pathArgument(text: string, param: string): readonly Uuid[] {
  const parts = text.trim().split('.');
  const ids = parts.slice(1, -1).map((part) => decodeId('account', part));
  const isPath = parts.at(0) === '' && parts.at(-1) === '' && ids.length > 0 && ids.length <= DEEPEST;
  const known = ids.filter((id) => id !== undefined);
  if (isPath && known.length === ids.length) return known;
  return refuse(
    `${param} must be ids of accounts from the top down, each between dots, such as ".acc_….acc_….".`,
    param,
  );
}

/**
 * Reads a search as people type it: words that must all hold. `L1`, `G0`, `T2` mean a Level, a Gear and a Tier, `.acc_….`
 * a path, `acc_…` an id, and anything else a part of the name; `name:L1` is a name that looks like one of them.
 * @throws AppError BAD_USER_INPUT
 */
export function parseSearch(text: string): AccountFilter {
  if (text.length > TEXT_MAX) refuse(`search must have at most ${TEXT_MAX} characters.`, 'search');
  const words = text.split(/\s+/).filter((word) => word !== '');
  const found = { levels: [] as number[], gears: [] as number[], tiers: [] as number[] };
  const ids: Uuid[] = [];
  const names: string[] = [];
  let path: readonly Uuid[] | undefined;
  for (const word of words) {
    const [, letter, digits] = /^([LGT])(\d{1,9})$/.exec(word) ?? [];
    const id = decodeId('account', word);
    if (letter !== undefined) {
      const list = letter === 'L' ? found.levels : letter === 'G' ? found.gears : found.tiers;
      list.push(Number(digits));
    } else if (id !== undefined) ids.push(id);
    else if (word.startsWith('.')) {
      if (path !== undefined) refuse('search takes one path.', 'search');
      path = pathArgument(word, 'search');
    } else names.push(word.replace(/^name:/, '').toLowerCase());
  }
  const some = <T>(list: readonly T[]) => (list.length > 0 ? list : undefined);
  return {
    ids: some(ids),
    path,
    nameContains: some(names),
    levels: some(found.levels),
    gears: some(found.gears),
    tiers: some(found.tiers),
  };
}

/** @throws AppError BAD_USER_INPUT for a list that is too long. */
export function boundedFilter(filter: AccountFilter): AccountFilter {
  for (const [param, values] of Object.entries(filter)) {
    if (Array.isArray(values) && values.length > VALUES_MAX) {
      refuse(`${param} takes at most ${VALUES_MAX} values.`, param);
    }
  }
  if ((filter.nameStartsWith?.length ?? 0) > TEXT_MAX) refuse('name is too long.', 'name');
  return filter;
}

/** Fields of a list's order. */
export const ACCOUNT_ORDERS = ['CREATED_AT', 'NAME'] as const;

export interface AccountOrder {
  readonly field: (typeof ACCOUNT_ORDERS)[number];
  readonly direction: 'ASC' | 'DESC';
}

/** A position in a list: the value that it is sorted by, and the id that decides between equals. */
export interface AccountPosition {
  readonly value: string;
  readonly id: Uuid;
}

/** @throws AppError BAD_USER_INPUT for a cursor that was tampered with. */
export function positionOf(
  keys: readonly string[] | undefined,
  { field }: AccountOrder,
): AccountPosition | undefined {
  if (keys === undefined) return undefined;
  const [value = '', id = ''] = keys;
  if (!isUuid(id) || (field === 'CREATED_AT' && Number.isNaN(Date.parse(value)))) {
    return refuse('after must be an endCursor of the same list.', 'after');
  }
  return { value, id };
}
