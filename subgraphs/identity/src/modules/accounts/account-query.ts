import type { Prisma } from '@weir/prisma/client';
import type { Uuid } from '@weir/kernel/ids';
import { dnaRangeBelow, type Account } from './account.ts';
import type { AccountFilter, AccountOrder, AccountPosition } from './account-filter.ts';

type Where = Prisma.AccountWhereInput;
type Place = Pick<Account, 'id' | 'dna'>;

export interface AccountQuery {
  readonly organizationId: Uuid;
  /** Only this account and what lies below it; undefined for the whole organization. */
  readonly within: Place | undefined;
  /** All of them hold. A path has been resolved into `within` already. */
  readonly filters: readonly AccountFilter[];
  /** The node that a path of the filter means. */
  readonly below: Place | undefined;
  readonly order: AccountOrder;
  readonly after: AccountPosition | undefined;
  readonly take: number;
}

export function whereWithin(top: Place | undefined): Where {
  if (!top) return {};
  const { from, before } = dnaRangeBelow(top);
  return { OR: [{ id: top.id }, { dna: { gte: from, lt: before } }] };
}

/** What comes after every name that begins with `prefix`: nothing sorts behind this character. */
const LAST_CHARACTER = '\u{10ffff}';

/** Without the characters that mean something in LIKE, which Prisma leaves as they are. */
function literally(text: string): string {
  return text.replace(/[\\%_]/g, String.raw`\$&`);
}

function whereOfFilter(filter: AccountFilter): Where[] {
  const { ids, parentId, nameStartsWith, nameContains, levels, gears, tiers, kinds } = filter;
  return [
    {
      ...(ids && { id: { in: [...ids] } }),
      ...(parentId && { parentId }),
      ...(levels && { level: { in: [...levels] } }),
      ...(gears && { gear: { in: [...gears] } }),
      ...(tiers && { tier: { in: [...tiers] } }),
      ...(kinds && { kind: { in: [...kinds] } }),
    },
    nameStartsWith === undefined
      ? {}
      : { nameKey: { gte: nameStartsWith, lt: nameStartsWith + LAST_CHARACTER } },
    ...(nameContains ?? []).map((part) => ({ nameKey: { contains: literally(part) } })),
  ];
}

function whereOfStatus(filters: readonly AccountFilter[]): Where {
  const asked = filters.flatMap(({ statuses }) => (statuses ? [{ status: { in: [...statuses] } }] : []));
  return asked.length > 0 ? { AND: asked } : { status: { not: 'DELETED' } };
}

/** The first comparison is implied by the second; it is the one that the index begins at. */
function whereAfter({ field, direction }: AccountOrder, after: AccountPosition | undefined): Where {
  if (!after) return {};
  const { id } = after;
  if (field === 'NAME') {
    const nameKey = after.value;
    return direction === 'ASC'
      ? { AND: [{ nameKey: { gte: nameKey } }, { OR: [{ nameKey: { gt: nameKey } }, { id: { gt: id } }] }] }
      : { AND: [{ nameKey: { lte: nameKey } }, { OR: [{ nameKey: { lt: nameKey } }, { id: { lt: id } }] }] };
  }
  const createdAt = new Date(after.value);
  return direction === 'ASC'
    ? {
        AND: [
          { createdAt: { gte: createdAt } },
          { OR: [{ createdAt: { gt: createdAt } }, { id: { gt: id } }] },
        ],
      }
    : {
        AND: [
          { createdAt: { lte: createdAt } },
          { OR: [{ createdAt: { lt: createdAt } }, { id: { lt: id } }] },
        ],
      };
}

export function whereOf({ organizationId, within, below, filters, order, after }: AccountQuery): Where {
  return {
    organizationId,
    AND: [
      whereWithin(within),
      whereWithin(below),
      ...filters.flatMap(whereOfFilter),
      whereOfStatus(filters),
      whereAfter(order, after),
    ],
  };
}

export function orderOf({ field, direction }: AccountOrder): Prisma.AccountOrderByWithRelationInput[] {
  const sort = direction === 'ASC' ? 'asc' : 'desc';
  return field === 'NAME' ? [{ nameKey: sort }, { id: sort }] : [{ createdAt: sort }, { id: sort }];
}
