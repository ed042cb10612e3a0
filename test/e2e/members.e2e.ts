import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tokenIn, waitForMail } from '@weir/identity/modules/mail/test-outbox';
import { sendGraphql, signIn, type Session } from './src/graphql.ts';
import { chat } from './src/inference.ts';
import { startPlatform, type Platform } from './src/platform.ts';
import { until } from './src/until.ts';

const EMAIL = 'newcomer@example.org';
const PASSWORD = 'six dippers on wet stones';

interface Payload {
  readonly membership?: { readonly id: string; readonly version: number; readonly status: string } | null;
  readonly userErrors: readonly { readonly code: string }[];
}

let platform: Platform;
let owner: Session;

beforeAll(async () => {
  platform = await startPlatform('embedded');
  owner = await signIn(platform.access);
});
afterAll(async () => {
  await platform[Symbol.asyncDispose]();
});

/** Runs a mutation of members as the Owner, which must have no complaint. */
async function change(
  name: string,
  type: string,
  input: Record<string, unknown>,
  selection = 'membership { id version status }',
): Promise<Payload> {
  const query = `mutation ($input: ${type}!) { it: ${name}(input: $input) { ${selection} userErrors { code } } }`;
  const { it: payload } = await owner.ask<{ it: Payload }>(query, { input });
  expect(payload.userErrors).toEqual([]);
  return payload;
}

/** Milliseconds from now until the session is told what it is waiting for. */
async function timeUntil(what: string, happened: () => Promise<boolean>): Promise<number> {
  const from = performance.now();
  await until(what, async () => ((await happened()) ? true : undefined));
  return performance.now() - from;
}

async function permissionsOf(session: Session): Promise<readonly string[] | undefined> {
  const { data } = await session.send('{ viewer { permissions } }');
  return (data?.['viewer'] as { permissions: string[] } | null | undefined)?.permissions;
}

it('a person is invited by mail, joins, gets another role, is suspended with their key, and is removed', async () => {
  const { organizationId, graphqlUrl } = platform.access;
  const invited = await change('memberInvite', 'MemberInviteInput', {
    organizationId,
    email: EMAIL,
    roleId: 'rol_analyst',
    message: 'Come and see the river.',
  });
  const id = invited.membership?.id;
  const mail = await waitForMail(join(platform.home, 'outbox'), EMAIL);
  expect(mail).toContain('Come and see the river.');
  const accept = await sendGraphql(
    graphqlUrl,
    'mutation ($input: InvitationAcceptInput!) { invitationAccept(input: $input) { membershipId userErrors { code } } }',
    { input: { token: tokenIn(mail), displayName: 'Newcomer', password: PASSWORD } },
  );
  expect(accept.data?.['invitationAccept']).toEqual({ membershipId: id, userErrors: [] });

  const newcomer = await signIn({ ...platform.access, email: EMAIL, password: PASSWORD });
  expect(await permissionsOf(newcomer)).toEqual(['account.read', 'org.read', 'usage.read']);

  const promoted = await change('memberRoleSet', 'MemberRoleSetInput', { id, roleId: 'rol_admin', expectedVersion: 2 }); // prettier-ignore
  await timeUntil('the new role', async () => (await permissionsOf(newcomer))?.includes('apikey.create') ?? false); // prettier-ignore
  expect(promoted.membership?.version).toBe(3);

  const { apiKeyCreate } = await newcomer.ask<{ apiKeyCreate: { secret: string } }>(
    'mutation ($id: ID!) { apiKeyCreate(input: { organizationId: $id, name: "own", scopes: ["inference:write"] }) { secret } }',
    { id: organizationId },
  );
  const { secret: apiKey } = apiKeyCreate;
  expect((await chat(platform.access, { apiKey })).status).toBe(200);
  const watching = newcomer.socket();
  const closed = new Promise<number>((resolve) => {
    watching.subscribe(
      {
        query: 'subscription ($id: ID!) { budgetAlertRaised(organizationId: $id) { id } }',
        variables: { id: organizationId },
      },
      {
        next: () => undefined,
        error: () => resolve(performance.now()),
        complete: () => resolve(performance.now()),
      },
    );
  });

  const suspendedAt = performance.now();
  await change('memberSuspend', 'MemberSuspendInput', { id, reason: 'Lost laptop.' });
  const sessionMs = await timeUntil('the refusal of the session', async () => (await permissionsOf(newcomer)) === undefined); // prettier-ignore
  const keyMs = await timeUntil('the refusal of the key', async () => (await chat(platform.access, { apiKey })).status === 401); // prettier-ignore
  const socketMs = (await closed) - suspendedAt;
  process.stdout.write(
    `from suspension to refusal: session ${sessionMs.toFixed(0)} ms, key ${keyMs.toFixed(0)} ms, socket ${socketMs.toFixed(0)} ms\n`,
  );

  await change('memberReactivate', 'MemberReactivateInput', { id });
  await timeUntil(
    'the key to work again',
    async () => (await chat(platform.access, { apiKey })).status === 200,
  );
  const again = await signIn({ ...platform.access, email: EMAIL, password: PASSWORD });
  expect(await permissionsOf(again)).toContain('apikey.create');

  await change('memberRemove', 'MemberRemoveInput', { id, confirmation: EMAIL }, 'removedId');
  await timeUntil('the refusal of the removed', async () => (await permissionsOf(again)) === undefined); // prettier-ignore
  await timeUntil('the refusal of their key', async () => (await chat(platform.access, { apiKey })).status === 401); // prettier-ignore
});

it('tokens of invitations cannot be tried many at a time', async () => {
  const tries = Array.from({ length: 40 }, (_, index) => `t${index}: invitationAccept(input: { token: "win_${index}" }) { membershipId }`); // prettier-ignore
  const aliased = await sendGraphql(platform.access.graphqlUrl, `mutation { ${tries.join(' ')} }`);
  expect(aliased.data ?? null).toBeNull();
  expect(aliased.errors?.[0]?.message).toMatch(/alias/i);
  const one = { query: 'mutation { invitationAccept(input: { token: "win_x" }) { membershipId } }' };
  const batch = await fetch(platform.access.graphqlUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(Array.from({ length: 40 }, () => one)),
  });
  expect(batch.status).toBe(400);
  expect(await batch.text()).not.toContain('invitationAccept":');
});
