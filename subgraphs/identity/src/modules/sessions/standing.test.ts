import { describe, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import type { Account } from '../accounts/account.ts';
import { systemRole } from '../roles/role.ts';
import { anAccount, anApiKey, anOrganization } from '../../test-rows.ts';
import type { ApiKey } from '../api-keys/api-key.ts';
import { standingOfApiKey, standingOfSession, type SessionRecord } from './standing.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const createdAt = new Date(NOW - 1_000);
const organization = anOrganization({ createdAt });
const organizationId = organization.id;
const user = {
  id: newUuid(),
  email: 'a@example.org',
  displayName: 'A',
  platformRole: null,
  breakGlassUntil: null,
  status: 'ACTIVE',
  createdAt,
} as const;
const record: SessionRecord = {
  session: {
    id: newUuid(),
    userId: user.id,
    organizationId,
    refreshTokenHash: Buffer.alloc(32),
    previousTokenHash: null,
    rotatedAt: null,
    createdAt,
    lastUsedAt: createdAt,
    ip: null,
    userAgent: null,
    expiresAt: new Date(NOW + 1_000),
    impersonationId: null,
    revokedAt: null,
  },
  user,
  membership: {
    id: newUuid(),
    organizationId,
    userId: user.id,
    email: null,
    role: systemRole('ANALYST'),
    status: 'ACTIVE',
    suspension: null,
    version: 1,
    createdAt,
  },
  organization,
  lacksFactor: false,
};

describe('the standing of a session', () => {
  it('is its member’s role at this moment', () => {
    expect(standingOfSession(record, NOW)).toEqual({
      actor: { type: 'user', userId: user.id, sessionId: record.session.id },
      organizationId,
      permissions: ['org.read', 'account.read', 'usage.read'],
    });
  });

  it('is gone with the session and with the person’s suspension', () => {
    expect(standingOfSession(record, NOW + 1_000)).toBeUndefined();
    expect(standingOfSession({ ...record, user: { ...user, status: 'SUSPENDED' } }, NOW)).toBeUndefined();
  });

  it('permits nothing once the membership is suspended or gone, or the organization closed', () => {
    const nothing = { organizationId: null, permissions: [] };
    const suspended = record.membership && ({ ...record.membership, status: 'SUSPENDED' } as const);
    expect(standingOfSession({ ...record, membership: suspended }, NOW)).toMatchObject(nothing);
    expect(standingOfSession({ ...record, membership: undefined }, NOW)).toMatchObject(nothing);
    const closed = { ...organization, status: 'CLOSED' } as const;
    expect(standingOfSession({ ...record, organization: closed }, NOW)).toMatchObject(nothing);
  });

  it('permits nothing until a second factor is enrolled that the role demands', () => {
    expect(standingOfSession({ ...record, lacksFactor: true }, NOW)).toMatchObject({
      organizationId,
      permissions: [],
    });
  });

  it('stays in a suspended organization, whose members must be able to put things right', () => {
    const suspended = { ...organization, status: 'SUSPENDED' } as const;
    expect(standingOfSession({ ...record, organization: suspended }, NOW)).toMatchObject({ organizationId });
  });
});

describe('the standing of an API key', () => {
  const root = anAccount({ organizationId });
  const apiKey = anApiKey({ organizationId, accountId: root.id, expiresAt: new Date(NOW + 5_000) });
  const standing = (change: Partial<ApiKey>, accounts = [root], of = organization) =>
    standingOfApiKey({ apiKey: { ...apiKey, ...change }, accounts, organization: of }, NOW);

  it('is what its scopes permit, until it expires', () => {
    expect(standing({})).toEqual({
      actor: { type: 'apiKey', apiKeyId: apiKey.id, accountId: root.id },
      organizationId,
      permissions: ['org.read'],
      expiresAtMs: NOW + 5_000,
      allowIps: [],
    });
  });

  const below = anAccount({ organizationId, parentId: root.id, kind: 'TEAM', dna: `.${root.id}.` });

  it('of an account below the root permits nothing that concerns the organization as a whole', () => {
    const { permissions } = standing({ scopes: ['admin'] }, [root, below]);
    expect(permissions).toContain('account.write');
    for (const withheld of [
      'org.write',
      'providerkey.write',
      'org.billing.write',
      'model.write',
      'audit.read',
    ])
      expect(permissions).not.toContain(withheld);
    expect(standing({ scopes: ['admin'] }).permissions).toContain('org.write');
  });

  it('below a service account permits only what the role of that permits, too', () => {
    const machine = { ...below, kind: 'SERVICE_ACCOUNT', serviceRole: systemRole('ANALYST') } as const;
    const of = (scopes: ApiKey['scopes'], accounts: Account[]) => standing({ scopes }, accounts).permissions;
    expect(of(['admin'], [root, machine])).toEqual(['org.read', 'account.read', 'usage.read']);
    expect(of(['inference:write'], [root, machine])).toEqual(['org.read']);
    expect(of(['admin'], [root, machine, below])).toEqual(['org.read', 'account.read', 'usage.read']);
    expect(of(['admin'], [root, { ...machine, serviceRole: null }])).toEqual([]);
  });

  it('is bound by the addresses of everything above it', () => {
    const listed = (entry: string) => ({ access: { ...root.access, allowIps: [entry] } });
    const accounts = [root, { ...below, ...listed('10.0.0.0/8') }];
    expect(standing(listed('10.0.0.1'), accounts).allowIps).toEqual([['10.0.0.0/8'], ['10.0.0.1']]);
  });

  it('says why it is refused', () => {
    const code = (...args: Parameters<typeof standing>) => {
      try {
        return standing(...args);
      } catch (thrown) {
        return thrown;
      }
    };
    expect(code({ revokedAt: createdAt })).toMatchObject({ code: 'API_KEY_REVOKED' });
    expect(code({ expiresAt: new Date(NOW) })).toMatchObject({ code: 'API_KEY_EXPIRED' });
    expect(code({}, [{ ...root, status: 'SUSPENDED' }])).toMatchObject({ code: 'ACCOUNT_SUSPENDED' });
    expect(code({}, [root], { ...organization, status: 'SUSPENDED' })).toMatchObject({
      code: 'ACCOUNT_SUSPENDED',
    });
  });
});
