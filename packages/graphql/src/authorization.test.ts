import { describe, expect, it } from 'vitest';
import { ACTIONS, type Action } from '@weir/contracts/actions';
import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { PERMISSIONS } from '@weir/contracts/permission-matrix';
import { newUuid } from '@weir/kernel/ids';
import { authorize, canSee, decide, requireSignedIn } from './authorization.ts';

const organizationId = newUuid();
const userId = newUuid();
const person: InternalIdentity = {
  actor: { type: 'user', userId, sessionId: newUuid() },
  organizationId,
  permissions: ['org.budget.read'],
  requestId: 'req',
  ipAddress: null,
  userAgent: null,
};
const nobody: InternalIdentity = {
  ...person,
  actor: { type: 'anonymous' },
  organizationId: null,
  permissions: [],
};

describe('an action', () => {
  it('is permitted to who has its permission in the organization', () => {
    expect(authorize(person, 'budget:read', { organizationId })).toMatchObject({ type: 'user', userId });
  });

  it('is refused plainly within the own organization', () => {
    expect(() => authorize(person, 'budget:create', { organizationId })).toThrow(
      expect.objectContaining({
        code: 'FORBIDDEN',
        details: { action: 'budget:create', permission: 'org.budget.write' },
      }),
    );
  });

  it('on another organization looks like one on nothing, whatever the permissions', () => {
    const powerful = { ...person, permissions: [...PERMISSIONS] };
    expect(() => authorize(powerful, 'budget:read', { organizationId: newUuid() })).toThrow(
      expect.objectContaining({ code: 'NOT_FOUND' }),
    );
    expect(canSee(powerful, 'budget:read', { organizationId: newUuid() })).toBe(false);
  });

  it('of nobody needs a sign-in first', () => {
    expect(() => authorize(nobody, 'budget:read', { organizationId })).toThrow(
      expect.objectContaining({ code: 'UNAUTHENTICATED' }),
    );
    expect(() => canSee(nobody, 'budget:read', { organizationId })).toThrow(
      expect.objectContaining({ code: 'UNAUTHENTICATED' }),
    );
    expect(() => requireSignedIn(nobody)).toThrow(expect.objectContaining({ code: 'UNAUTHENTICATED' }));
  });

  it('of a person without an organization finds nothing', () => {
    expect(decide({ ...person, organizationId: null }, 'budget:read', { organizationId })).toBe('hidden');
  });

  it('of every kind is decided by exactly its own permission', () => {
    const params = { organizationId, accountId: newUuid(), apiKeyId: newUuid(), budgetId: newUuid() };
    for (const name of Object.keys(ACTIONS) as Action[]) {
      const { permission } = ACTIONS[name];
      const others = PERMISSIONS.filter((candidate) => candidate !== permission);
      expect([name, decide({ ...person, permissions: [permission] }, name, params)]).toEqual([
        name,
        'allowed',
      ]);
      expect([name, decide({ ...person, permissions: others }, name, params)]).toEqual([name, 'forbidden']);
    }
  });
});
