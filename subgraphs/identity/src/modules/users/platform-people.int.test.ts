import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestIdentity, type TestIdentity } from '../../test-identity.ts';

let identity: TestIdentity;
beforeAll(async () => {
  identity = await startTestIdentity();
});
afterAll(async () => {
  await identity.stop();
});

const VIEWER = '{ viewer { platformRole permissions organization { id } } }';

it('a system administrator acts without an organization, with the permissions of the platform alone', async () => {
  const admin = await identity.systemAdmin();
  expect(admin).toMatchObject({
    organizationId: null,
    permissions: [],
    actor: { platformRole: 'SYSTEM_ADMIN' },
  });
  expect((await identity.graphql(VIEWER, {}, admin)).data).toEqual({
    viewer: {
      platformRole: 'SYSTEM_ADMIN',
      organization: null,
      permissions: [
        'platform.audit.read',
        'platform.impersonate',
        'platform.organizations.read',
        'platform.organizations.write',
        'platform.people.write',
        'platform.sign_in.write',
        'platform.signing_keys',
      ],
    },
  });
});

it('somebody who has an account keeps it, with its password, and becomes one', async () => {
  const organization = await identity.organization();
  const { email, userId, password } = organization;
  const created = await identity.bootstrap.createSystemAdmin({
    email,
    password: 'another one',
    displayName: 'X',
  });
  expect(created).toEqual({ ok: true, value: { userId, isNew: false } });
  const owner = await identity.ownerOf({ ...organization, password });
  expect(owner).toMatchObject({
    organizationId: organization.organizationId,
    actor: { platformRole: 'SYSTEM_ADMIN' },
  });
});

it('an Owner is nobody on the platform', async () => {
  const owner = await identity.ownerOf(await identity.organization());
  expect(owner.actor).not.toHaveProperty('platformRole');
  const { viewer } = (await identity.graphql(VIEWER, {}, owner)).data as {
    viewer: { platformRole: null; permissions: string[] };
  };
  expect(viewer.platformRole).toBeNull();
  expect(viewer.permissions.filter((name) => name.startsWith('platform.'))).toEqual([]);
});

it('an address that is none is refused', async () => {
  const creation = { email: 'nobody', password: 'weirs need somebody', displayName: 'X' };
  expect(await identity.bootstrap.createSystemAdmin(creation)).toEqual({ ok: false, error: 'INVALID_EMAIL' });
});
