import { newUuid } from '@weir/kernel/ids';
import { UNRESTRICTED } from './modules/access/access-lists.ts';
import { ROOT_DNA, type Account } from './modules/accounts/account.ts';
import type { ApiKey } from './modules/api-keys/api-key.ts';
import type { Organization } from './modules/organizations/organization.ts';
import { DEFAULT_SETTINGS } from './modules/organization-settings/organization-settings.ts';
import { BLANK_ROUTING } from './modules/routing/routing.ts';

/** Rows with valid and boring defaults; a test states what matters to it. */
const createdAt = new Date('2026-01-01T00:00:00Z');

export function anOrganization(parts: Partial<Organization> = {}): Organization {
  return {
    id: newUuid(),
    slug: 'example',
    name: 'Example',
    status: 'ACTIVE',
    planTier: 'ENTERPRISE',
    description: '',
    website: null,
    contacts: {},
    address: null,
    timeZone: 'UTC',
    currency: 'USD',
    settings: DEFAULT_SETTINGS,
    limits: {},
    modelLimits: [],
    version: 1,
    createdAt,
    deletedAt: null,
    ...parts,
  };
}

/** The root, unless told otherwise. */
export function anAccount(parts: Partial<Account> = {}): Account {
  return {
    id: newUuid(),
    organizationId: newUuid(),
    parentId: null,
    kind: 'OWNER',
    name: 'Example',
    nameKey: 'example',
    description: '',
    status: 'ACTIVE',
    dna: ROOT_DNA,
    access: UNRESTRICTED,
    limits: {},
    modelLimits: [],
    routing: BLANK_ROUTING,
    tier: 0,
    ratesPpm: 1_000_000n,
    serviceRole: null,
    version: 1,
    createdAt,
    deletedAt: null,
    ...parts,
  };
}

export function anApiKey(parts: Partial<ApiKey> = {}): ApiKey {
  return {
    id: newUuid(),
    organizationId: newUuid(),
    accountId: newUuid(),
    name: 'key',
    prefix: 'sk-Xvs123',
    last4: '4567',
    scopes: ['inference:write'],
    revokedAt: null,
    isSuspended: false,
    expiresAt: null,
    disconnectPolicy: 'ABORT',
    environment: 'PRODUCTION',
    hasSigningSecret: false,
    requiresSignature: false,
    replacesId: null,
    lineageId: null,
    access: UNRESTRICTED,
    limits: {},
    modelLimits: [],
    version: 1,
    createdAt,
    ...parts,
  };
}
