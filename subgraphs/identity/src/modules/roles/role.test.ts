import { describe, expect, it } from 'vitest';
import { SYSTEM_ROLES, type Permission } from '@weir/contracts/permission-matrix';
import { newUuid } from '@weir/kernel/ids';
import { roleArgument, roleIdOf } from './role-id.ts';
import { reaches, systemRole, type CustomRole } from './role.ts';

const custom = (...permissions: Permission[]): CustomRole => ({
  kind: 'CUSTOM',
  id: newUuid(),
  organizationId: newUuid(),
  name: 'Custom',
  description: '',
  permissions,
  version: 1,
  createdAt: new Date(),
});

describe('who reaches whom', () => {
  const reached = (name: Parameters<typeof systemRole>[0]) =>
    SYSTEM_ROLES.filter((other) => reaches(systemRole(name), systemRole(other)));

  it('is nobody above oneself; Managers reach everybody below Admin', () => {
    expect(reached('OWNER')).toEqual(SYSTEM_ROLES);
    expect(reached('ADMIN')).toEqual(['ADMIN', 'MANAGER', 'ANALYST', 'DEVELOPER', 'FINANCE']);
    expect(reached('MANAGER')).toEqual(['MANAGER', 'ANALYST', 'DEVELOPER', 'FINANCE']);
  });

  it('of custom roles goes by what they permit', () => {
    const inviter = custom('org.read', 'org.members.invite', 'usage.read', 'account.read');
    expect(reaches(inviter, systemRole('ANALYST'))).toBe(true);
    expect(reaches(inviter, systemRole('FINANCE'))).toBe(false);
    expect(reaches(inviter, custom('apikey.revoke'))).toBe(false);
    expect(reaches(systemRole('MANAGER'), custom('org.billing.write'))).toBe(true);
    expect(reaches(systemRole('MANAGER'), custom('apikey.revoke'))).toBe(false);
    expect(reaches(systemRole('ADMIN'), custom('apikey.revoke'))).toBe(true);
  });
});

describe('the id of a role', () => {
  it('is the same everywhere for a system role, and its own for a custom one', () => {
    for (const name of SYSTEM_ROLES) {
      const role = systemRole(name);
      expect(roleArgument(roleIdOf(role), 'roleId')).toEqual(role);
    }
    const role = custom('org.read');
    expect(roleArgument(roleIdOf(role), 'roleId')).toEqual({ kind: 'CUSTOM', id: role.id });
  });

  it.each(['OWNER', 'owner', 'rol_OWNER', 'rol_root', 'rol_', 'org_owner', ''])('is not %j', (text) => {
    expect(() => roleArgument(text, 'roleId')).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT' }));
  });
});
