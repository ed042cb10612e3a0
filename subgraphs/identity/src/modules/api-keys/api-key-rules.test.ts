import { describe, expect, it } from 'vitest';
import {
  PERMISSIONS,
  permissionsOfRole,
  permissionsOfScopes,
  SCOPES,
} from '@weir/contracts/permission-matrix';
import { anApiKey } from '../../test-rows.ts';
import { statusOf } from './api-key.ts';
import { checkApiKeyChange, problemsOfName, type ApiKeyChange } from './api-key-rules.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const current = anApiKey();
type Permissions = readonly (typeof PERMISSIONS)[number][];
const check = (change: ApiKeyChange, held: Permissions = PERMISSIONS) =>
  checkApiKeyChange(current, change, [], { held, isOfRoot: true, nowMs: NOW });
const codesOf = (change: ApiKeyChange, held?: Permissions) => {
  const checked = check(change, held);
  return checked.ok ? [] : checked.error.map((problem) => problem.code);
};

describe('a change of an API key', () => {
  it('keeps each scope once, and everything that it does not name', () => {
    const { scopes, ...rest } = current;
    expect(scopes).toEqual(['inference:write']);
    expect(check({ scopes: ['inference:write', 'inference:read', 'inference:write'] })).toMatchObject({
      ok: true,
      value: {
        scopes: ['inference:read', 'inference:write'],
        expiresAt: rest.expiresAt,
        disconnectPolicy: rest.disconnectPolicy,
        environment: rest.environment,
        access: rest.access,
        limits: rest.limits,
        modelLimits: rest.modelLimits,
      },
    });
  });

  it('tells every broken rule at once', () => {
    const access = { allowIps: { kind: 'set', list: ['nowhere'] } } as const;
    expect(codesOf({ scopes: [], expiresAt: new Date(NOW), access, limits: { concurrency: -1 } })).toEqual([
      'INVALID_SCOPES',
      'INVALID_EXPIRY',
      'INVALID_LIST',
      'INVALID_LIMIT',
    ]);
    expect(codesOf({ scopes: ['inference:*'] })).toEqual(['INVALID_SCOPES']);
  });

  it('gives it no more than its maker may do', () => {
    expect(codesOf({ scopes: ['admin'] }, permissionsOfRole('ADMIN'))).toEqual([]);
    expect(codesOf({ scopes: ['admin'] }, permissionsOfScopes(['admin']))).toEqual([]);
    expect(codesOf({ scopes: ['admin'] }, permissionsOfRole('FINANCE'))).toEqual(['SCOPE_NOT_GRANTABLE']);
    expect(codesOf({ scopes: ['analytics:read'] }, permissionsOfRole('DEVELOPER'))).toEqual([
      'SCOPE_NOT_GRANTABLE',
    ]);
  });

  it('demands signatures only of a key that can sign', () => {
    expect(codesOf({ requiresSignature: true })).toEqual(['NO_SIGNING_SECRET']);
    const signing = anApiKey({ hasSigningSecret: true });
    const checked = checkApiKeyChange(signing, { requiresSignature: true }, [], {
      held: [],
      isOfRoot: true,
      nowMs: NOW,
    });
    expect(checked).toMatchObject({ ok: true, value: { requiresSignature: true } });
  });
});

it.each(['', ' ', 'a\u0000b', 'x'.repeat(101)])('%j is no name', (name) => {
  expect(problemsOfName(name)).toMatchObject([{ code: 'INVALID_NAME', field: ['name'] }]);
});

describe('the scopes', () => {
  it('never manage people nor end the organization', () => {
    const all = permissionsOfScopes(SCOPES);
    expect(all.filter((permission) => permission.startsWith('org.members.'))).toEqual(['org.members.read']);
    expect(all).not.toContain('org.delete');
  });

  it('for inference see nothing but the organization', () => {
    expect(permissionsOfScopes(['inference:read', 'inference:write'])).toEqual(['org.read']);
  });
});

describe('the status of an API key', () => {
  it('is expired from its expiry on, and revoked whatever its expiry', () => {
    const expiresAt = new Date(NOW);
    expect(statusOf({ isSuspended: false, revokedAt: null, expiresAt }, NOW - 1)).toBe('ACTIVE');
    expect(statusOf({ isSuspended: false, revokedAt: null, expiresAt }, NOW)).toBe('EXPIRED');
    expect(statusOf({ isSuspended: false, revokedAt: expiresAt, expiresAt }, NOW + 1)).toBe('REVOKED');
    expect(statusOf({ isSuspended: false, revokedAt: null, expiresAt: null }, NOW)).toBe('ACTIVE');
  });
});
