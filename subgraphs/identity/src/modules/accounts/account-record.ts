import type { Prisma } from '@weir/prisma/client';
import { parseUuid } from '@weir/kernel/ids';
import {
  ACCESS_COLUMNS,
  accessOfRow,
  LIMIT_COLUMNS,
  limitsOfRow,
  rowOfAccess,
  rowOfLimits,
} from '../access/access-record.ts';
import { ROLE_COLUMNS, roleOfRow } from '../roles/role-record.ts';
import { ROUTING_COLUMNS, routingOfRow, rowOfRouting } from '../routing/routing-record.ts';
import { ACCOUNT_KINDS, ACCOUNT_STATUSES, type Account } from './account.ts';

export const ACCOUNT_COLUMNS = {
  id: true,
  organizationId: true,
  parentId: true,
  kind: true,
  name: true,
  nameKey: true,
  description: true,
  status: true,
  dna: true,
  tier: true,
  ratesPpm: true,
  role: true,
  customRole: { select: ROLE_COLUMNS },
  version: true,
  createdAt: true,
  deletedAt: true,
  ...ACCESS_COLUMNS,
  ...LIMIT_COLUMNS,
  ...ROUTING_COLUMNS,
} as const;

type Row = Prisma.AccountGetPayload<{ select: typeof ACCOUNT_COLUMNS }>;

export function accountOfRow(row: Row): Account {
  return {
    id: parseUuid(row.id),
    organizationId: parseUuid(row.organizationId),
    parentId: row.parentId === null ? null : parseUuid(row.parentId),
    kind: ACCOUNT_KINDS.find((kind) => kind === row.kind) ?? 'SUB_ACCOUNT',
    name: row.name,
    nameKey: row.nameKey,
    description: row.description,
    // A status that this version does not know lets nobody use the account.
    status: ACCOUNT_STATUSES.find((status) => status === row.status) ?? 'SUSPENDED',
    dna: row.dna,
    access: accessOfRow(row),
    ...limitsOfRow(row),
    routing: routingOfRow(row),
    tier: row.tier,
    ratesPpm: row.ratesPpm,
    serviceRole: row.role === null ? null : (roleOfRow(row.role, row.customRole) ?? null),
    version: row.version,
    createdAt: row.createdAt,
    deletedAt: row.deletedAt,
  };
}

export type AccountSettings = Pick<
  Account,
  'access' | 'limits' | 'modelLimits' | 'routing' | 'tier' | 'ratesPpm'
>;

export function rowOfSettings({ access, limits, modelLimits, routing, ...rest }: Partial<AccountSettings>) {
  return {
    ...rest,
    ...(access && rowOfAccess(access)),
    ...(limits && modelLimits && rowOfLimits({ limits, modelLimits })),
    ...(routing && rowOfRouting(routing)),
  };
}
