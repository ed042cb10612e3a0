import { isPermission, isSystemRole, PERMISSIONS } from '@weir/contracts/permission-matrix';
import type { Prisma } from '@weir/prisma/client';
import { parseUuid } from '@weir/kernel/ids';
import { systemRole, type CustomRole, type Role } from './role.ts';

export const ROLE_COLUMNS = {
  id: true,
  organizationId: true,
  name: true,
  description: true,
  permissions: true,
  version: true,
  createdAt: true,
} as const;

type Row = Prisma.CustomRoleGetPayload<{ select: typeof ROLE_COLUMNS }>;

/** A permission that this version does not know permits nothing; one that no custom role may have is left out, too. */
export function customRoleOfRow(row: Row): CustomRole {
  const known = new Set(row.permissions.filter(isPermission));
  return {
    ...row,
    kind: 'CUSTOM',
    id: parseUuid(row.id),
    organizationId: parseUuid(row.organizationId),
    permissions: PERMISSIONS.filter((permission) => known.has(permission) && permission !== 'org.delete'),
  };
}

/** Undefined for a system role that this version does not know. */
export function roleOfRow(name: string, customRole: Row | null): Role | undefined {
  if (customRole !== null) return customRoleOfRow(customRole);
  return isSystemRole(name) ? systemRole(name) : undefined;
}
