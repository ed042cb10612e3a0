import type { Prisma } from '@weir/prisma/client';
import { parseUuid } from '@weir/kernel/ids';
import { ROLE_COLUMNS, roleOfRow } from '../roles/role-record.ts';
import { toPersonStatus } from '../users/user.ts';
import type { Membership } from './membership.ts';

export const MEMBERSHIP_COLUMNS = {
  id: true,
  organizationId: true,
  userId: true,
  email: true,
  role: true,
  customRole: { select: ROLE_COLUMNS },
  status: true,
  suspendedAt: true,
  suspensionReason: true,
  version: true,
  createdAt: true,
} as const;

type Row = Prisma.MembershipGetPayload<{ select: typeof MEMBERSHIP_COLUMNS }>;

/** A role that this version does not know grants nothing: the membership is left out. */
export function membershipsOfRow(row: Row): Membership[] {
  const role = roleOfRow(row.role, row.customRole);
  if (role === undefined) return [];
  const { suspendedAt: at, suspensionReason: reason } = row;
  return [
    {
      id: parseUuid(row.id),
      organizationId: parseUuid(row.organizationId),
      userId: row.userId === null ? null : parseUuid(row.userId),
      email: row.email,
      role,
      status: toPersonStatus(row.status),
      suspension: at !== null && reason !== null ? { at, reason } : null,
      version: row.version,
      createdAt: row.createdAt,
    },
  ];
}
