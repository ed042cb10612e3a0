import { describe, expect, it } from 'vitest';
import type { InternalIdentity } from '@weir/contracts/internal-identity';
import {
  PLATFORM_ACTIONS,
  PLATFORM_ROLES,
  type PlatformAction,
  type PlatformRole,
} from '@weir/contracts/platform-matrix';
import { newUuid } from '@weir/kernel/ids';
import { authorizePlatform, mayOnPlatform, platformPermissionsOf } from './platform-authorization.ts';

const userId = newUuid();
const person = (platformRole?: PlatformRole): Pick<InternalIdentity, 'actor'> => ({
  actor: { type: 'user', userId, sessionId: newUuid(), ...(platformRole ? { platformRole } : {}) },
});
const permitted = (role?: PlatformRole) =>
  (Object.keys(PLATFORM_ACTIONS) as PlatformAction[]).filter((name) => mayOnPlatform(person(role), name));

describe('operating the platform', () => {
  it('is for system administrators, and in parts for support', () => {
    expect(permitted('SYSTEM_ADMIN')).toEqual(Object.keys(PLATFORM_ACTIONS));
    expect(permitted('SUPPORT')).toEqual(['platformOrganization:read', 'impersonation:start']);
    expect(permitted()).toEqual([]);
  });

  it('tells who acts', () => {
    for (const platformRole of PLATFORM_ROLES) {
      expect(authorizePlatform(person(platformRole), 'impersonation:start')).toMatchObject({
        userId,
        platformRole,
      });
    }
  });

  it('is refused to members, programs and strangers', () => {
    const apiKey = { actor: { type: 'apiKey', apiKeyId: newUuid(), accountId: newUuid() } } as const;
    for (const identity of [person(), apiKey]) {
      expect(() => authorizePlatform(identity, 'platformOrganization:create')).toThrow(
        expect.objectContaining({ code: 'FORBIDDEN', details: { action: 'platformOrganization:create', permission: 'platform.organizations.write' } }), // prettier-ignore
      );
      expect(platformPermissionsOf(identity)).toEqual([]);
    }
    expect(() => authorizePlatform({ actor: { type: 'anonymous' } }, 'impersonation:start')).toThrow(
      expect.objectContaining({ code: 'UNAUTHENTICATED' }),
    );
  });
});
