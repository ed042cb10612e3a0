import { describe, expect, it } from 'vitest';
import {
  isPermission,
  isScope,
  isSystemRole,
  PERMISSION_MATRIX,
  PERMISSIONS,
  permissionsOfRole,
  permissionsOfScopes,
  SYSTEM_ROLES,
  type Permission,
  type SystemRole,
} from './permission-matrix.ts';

const holders = (permission: Permission): readonly SystemRole[] =>
  SYSTEM_ROLES.filter((role) => permissionsOfRole(role).includes(permission));

describe('the roles', () => {
  it('follow the matrix of the product guide', () => {
    expect(holders('org.members.invite')).toEqual(['OWNER', 'ADMIN', 'MANAGER']);
    expect(holders('apikey.create')).toEqual(['OWNER', 'ADMIN']);
    expect(holders('apikey.revoke')).toEqual(['OWNER', 'ADMIN']);
    expect(holders('org.budget.write')).toEqual(['OWNER', 'ADMIN', 'FINANCE']);
    expect(holders('org.billing.write')).toEqual(['OWNER', 'ADMIN', 'FINANCE']);
    expect(holders('usage.read')).toEqual(['OWNER', 'ADMIN', 'MANAGER', 'ANALYST', 'FINANCE']);
    expect(holders('org.delete')).toEqual(['OWNER']);
    expect(holders('providerkey.write')).toEqual(['OWNER', 'ADMIN']);
  });

  it('let every member read the organization, and leave no permission without a holder', () => {
    expect(holders('org.read')).toEqual(SYSTEM_ROLES);
    for (const permission of PERMISSIONS) expect(holders(permission), permission).not.toEqual([]);
  });

  it('are recognised by name only', () => {
    expect(isSystemRole('OWNER')).toBe(true);
    expect(isSystemRole('owner')).toBe(false);
    expect(isSystemRole('toString')).toBe(false);
  });
});

describe('the scopes of API keys', () => {
  it('administer things, not people, and do not end their own organization', () => {
    const withheld = PERMISSIONS.filter((permission) => !permissionsOfScopes(['admin']).includes(permission));
    expect(withheld).toEqual([
      'org.delete',
      'org.members.invite',
      'org.members.remove',
      'org.members.update_role',
      'org.members.sessions',
      'org.roles.write',
      'org.sign_in.write',
    ]);
  });

  it('permit together what each of them permits, and each permission once', () => {
    expect(permissionsOfScopes(['analytics:read', 'inference:read'])).toEqual([
      'org.read',
      'org.budget.read',
      'account.read',
      'usage.read',
    ]);
    expect(permissionsOfScopes([])).toEqual([]);
    expect(isScope('root')).toBe(false);
  });
});

describe('a permission', () => {
  it('says what it allows in a sentence, and is recognised by its own name only', () => {
    for (const permission of PERMISSIONS) {
      expect(PERMISSION_MATRIX[permission].allows).toMatch(/^[A-Z][^.]+\.$/);
      expect(isPermission(permission)).toBe(true);
    }
    expect(isPermission('constructor')).toBe(false);
  });
});
