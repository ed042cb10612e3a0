import { describe, expect, it } from 'vitest';
import { PERMISSIONS, type Permission } from '@weir/contracts/internal-identity';
import { isRole, permissionsOfRole, ROLES, type Role } from './role.ts';

const holders = (permission: Permission): readonly Role[] =>
  ROLES.filter((role) => permissionsOfRole(role).includes(permission));

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
    expect(holders('org.read')).toEqual(ROLES);
    for (const permission of PERMISSIONS) expect(holders(permission), permission).not.toEqual([]);
  });

  it('are recognised by name only', () => {
    expect(isRole('OWNER')).toBe(true);
    expect(isRole('owner')).toBe(false);
    expect(isRole('toString')).toBe(false);
  });
});
