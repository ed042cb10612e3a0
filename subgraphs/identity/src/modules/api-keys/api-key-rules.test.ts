import { describe, expect, it } from 'vitest';
import { PERMISSIONS } from '@weir/contracts/internal-identity';
import { permissionsOfRole } from '../users/role.ts';
import { statusOf } from './api-key.ts';
import { checkApiKey, type ApiKeyDraft } from './api-key-rules.ts';
import { permissionsOfScopes, SCOPES } from './scope.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const draft = (change: Partial<ApiKeyDraft>): ApiKeyDraft => ({
  name: 'production',
  scopes: ['inference:write'],
  expiresAt: null,
  ...change,
});
const codesOf = (
  change: Partial<ApiKeyDraft>,
  held = PERMISSIONS as readonly (typeof PERMISSIONS)[number][],
) => {
  const checked = checkApiKey(draft(change), held, NOW);
  return checked.ok ? [] : checked.error.map((problem) => problem.code);
};

describe('a new API key', () => {
  it('keeps its trimmed name and each scope once', () => {
    const checked = checkApiKey(
      draft({ name: ' ci ', scopes: ['inference:write', 'inference:read', 'inference:write'] }),
      PERMISSIONS,
      NOW,
    );
    expect(checked).toEqual({
      ok: true,
      value: { name: 'ci', scopes: ['inference:read', 'inference:write'], expiresAt: null },
    });
  });

  it('tells every broken rule at once', () => {
    expect(codesOf({ name: ' ', scopes: [], expiresAt: new Date(NOW) })).toEqual([
      'INVALID_SCOPES',
      'INVALID_NAME',
      'INVALID_EXPIRY',
    ]);
    expect(codesOf({ name: 'a\u0000b' })).toEqual(['INVALID_NAME']);
    expect(codesOf({ name: 'x'.repeat(101), scopes: ['inference:*'] })).toEqual([
      'INVALID_SCOPES',
      'INVALID_NAME',
    ]);
  });

  it('cannot do more than its maker', () => {
    expect(codesOf({ scopes: ['admin'] }, permissionsOfRole('ADMIN'))).toEqual([]);
    expect(codesOf({ scopes: ['admin'] }, permissionsOfScopes(['admin']))).toEqual([]);
    expect(codesOf({ scopes: ['admin'] }, permissionsOfRole('FINANCE'))).toEqual(['SCOPE_NOT_GRANTABLE']);
    expect(codesOf({ scopes: ['analytics:read'] }, permissionsOfRole('DEVELOPER'))).toEqual([
      'SCOPE_NOT_GRANTABLE',
    ]);
  });
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
    expect(statusOf({ revokedAt: null, expiresAt }, NOW - 1)).toBe('ACTIVE');
    expect(statusOf({ revokedAt: null, expiresAt }, NOW)).toBe('EXPIRED');
    expect(statusOf({ revokedAt: expiresAt, expiresAt }, NOW + 1)).toBe('REVOKED');
    expect(statusOf({ revokedAt: null, expiresAt: null }, NOW)).toBe('ACTIVE');
  });
});
