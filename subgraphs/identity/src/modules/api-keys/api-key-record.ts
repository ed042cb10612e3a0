import type { Prisma } from '@weir/prisma/client';
import { isScope } from '@weir/contracts/permission-matrix';
import { parseUuid } from '@weir/kernel/ids';
import {
  ACCESS_COLUMNS,
  accessOfRow,
  LIMIT_COLUMNS,
  limitsOfRow,
  rowOfAccess,
  rowOfLimits,
} from '../access/access-record.ts';
import { ENVIRONMENTS, type ApiKey } from './api-key.ts';

/** Everything but the hash and the sealed secret: of that one only whether it is there. */
export const API_KEY_COLUMNS = {
  id: true,
  organizationId: true,
  accountId: true,
  name: true,
  prefix: true,
  last4: true,
  scopes: true,
  status: true,
  revokedAt: true,
  expiresAt: true,
  disconnectPolicy: true,
  environment: true,
  signingSecret: true,
  requireSignature: true,
  replacesId: true,
  lineageId: true,
  version: true,
  createdAt: true,
  ...ACCESS_COLUMNS,
  ...LIMIT_COLUMNS,
} as const;

type Row = Prisma.ApiKeyGetPayload<{ select: typeof API_KEY_COLUMNS }>;

export function apiKeyOfRow(row: Row): ApiKey {
  return {
    id: parseUuid(row.id),
    organizationId: parseUuid(row.organizationId),
    accountId: parseUuid(row.accountId),
    name: row.name,
    prefix: row.prefix,
    last4: row.last4,
    // A scope that this version does not know permits nothing.
    scopes: row.scopes.filter(isScope),
    revokedAt: row.revokedAt,
    isSuspended: row.status === 'SUSPENDED',
    expiresAt: row.expiresAt,
    disconnectPolicy: row.disconnectPolicy === 'DRAIN' ? 'DRAIN' : 'ABORT',
    environment: ENVIRONMENTS.find((known) => known === row.environment) ?? 'PRODUCTION',
    hasSigningSecret: row.signingSecret !== null,
    requiresSignature: row.requireSignature,
    replacesId: row.replacesId === null ? null : parseUuid(row.replacesId),
    lineageId: row.lineageId === null ? null : parseUuid(row.lineageId),
    version: row.version,
    createdAt: row.createdAt,
    access: accessOfRow(row),
    ...limitsOfRow(row),
  };
}

/** What can be changed of a key, in columns. A new expiry is told anew. */
export type ApiKeySettings = Pick<
  ApiKey,
  | 'scopes'
  | 'expiresAt'
  | 'disconnectPolicy'
  | 'environment'
  | 'requiresSignature'
  | 'access'
  | 'limits'
  | 'modelLimits'
>;

export function rowOfSettings(settings: ApiKeySettings) {
  return {
    scopes: [...settings.scopes],
    expiresAt: settings.expiresAt,
    disconnectPolicy: settings.disconnectPolicy,
    environment: settings.environment,
    requireSignature: settings.requiresSignature,
    ...rowOfAccess(settings.access),
    ...rowOfLimits(settings),
  };
}
