import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { createDatabase, type Database } from '@weir/prisma/database';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { startTestIdentity } from '../../test-identity.ts';
import { createAccessTokens } from './access-token.ts';
import { ACCESS_TOKEN_LIFE_MS } from './session.ts';
import { createSigningKeyRotation, OVERLAP_MS } from './signing-key-rotation.ts';
import { openSigningKeys } from './signing-keys.ts';

const DAY_MS = 86_400_000;
const MAX_AGE_MS = 90 * DAY_MS;
const masterKey = randomBytes(32);
const names = { userId: newUuid(), sessionId: newUuid() };
const ADMIN: InternalIdentity = {
  actor: { type: 'user', ...names, platformRole: 'SYSTEM_ADMIN' },
  organizationId: null,
  permissions: [],
  requestId: 'test',
  ipAddress: null,
  userAgent: null,
};

let database: TestDatabase;
let db: Database;
let nowMs: number;
const clock = { now: () => nowMs };

beforeEach(async () => {
  database = await createTestDatabase();
  db = createDatabase({ url: database.url, role: 'weir_identity', max: 8 });
  nowMs = Date.now();
});
afterEach(async () => {
  await db.$disconnect();
  await database.drop();
});

/** What one process of the identity service has. */
async function aProcess() {
  const keys = await openSigningKeys({ db, masterKey, clock });
  const rotation = createSigningKeyRotation({ db, clock, masterKey, keys, maxAgeMs: MAX_AGE_MS });
  return { keys, rotation, tokens: createAccessTokens(keys, clock, 'https://weir.example') };
}

describe('a signing key', () => {
  it('is replaced at its age, once, by whichever process looks first', async () => {
    const processes = await Promise.all([aProcess(), aProcess(), aProcess()]);
    nowMs += MAX_AGE_MS - 1;
    await Promise.all(processes.map(({ rotation }) => rotation.rotateWhenDue()));
    expect(await db.signingKey.count()).toBe(1);
    nowMs += 1;
    await Promise.all(processes.map(({ rotation }) => rotation.rotateWhenDue()));
    await Promise.all(processes.map(({ rotation }) => rotation.rotateWhenDue()));
    expect(await db.signingKey.count()).toBe(2);
  });

  it('is published before it signs, and proves until its last token has expired', async () => {
    const { keys, rotation, tokens } = await aProcess();
    const [before] = keys.all();
    const next = await rotation.rotate(ADMIN, false);
    expect(keys.all().map(({ id }) => id)).toEqual([next.id, before?.id]);
    expect(keys.current().id).toBe(before?.id);
    nowMs += OVERLAP_MS - 1;
    const last = await tokens.sign(names);
    nowMs += 1;
    expect(keys.current().id).toBe(next.id);
    expect(await tokens.verify((await tokens.sign(names)).text)).toMatchObject(names);
    nowMs += ACCESS_TOKEN_LIFE_MS - 2_000;
    expect(await tokens.verify(last.text)).toMatchObject(names);
    nowMs += 70_000;
    await expect(tokens.verify(last.text)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await rotation.rotateWhenDue();
    expect(keys.all().map(({ id }) => id)).toEqual([next.id]);
    expect(await db.signingKey.count()).toBe(1);
  });

  it('is replaced once when several ask for it at once', async () => {
    const [a, b] = [await aProcess(), await aProcess()];
    const made = await Promise.all([a, b, a, b].map(({ rotation }) => rotation.rotate(ADMIN, false)));
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect(await db.signingKey.count()).toBe(2);
  });

  it('that somebody else may know proves nothing from the moment it is replaced', async () => {
    const { keys, rotation, tokens } = await aProcess();
    const { text } = await tokens.sign(names);
    const next = await rotation.rotate(ADMIN, true);
    expect(keys.current().id).toBe(next.id);
    await expect(tokens.verify(text)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(await tokens.verify((await tokens.sign(names)).text)).toMatchObject(names);
  });

  it('of another process proves without a restart', async () => {
    const [a, b] = [await aProcess(), await aProcess()];
    await a.rotation.rotate(ADMIN, true);
    nowMs += 20_000;
    expect(await b.tokens.verify((await a.tokens.sign(names)).text)).toMatchObject(names);
  });

  it('is for people who operate the platform', async () => {
    const { rotation } = await aProcess();
    const support: InternalIdentity = {
      ...ADMIN,
      actor: { type: 'user', ...names, platformRole: 'SUPPORT' },
    };
    await expect(rotation.rotate(support, false)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(() => rotation.list({ ...ADMIN, actor: { type: 'user', ...names } })).toThrow(
      expect.objectContaining({ code: 'FORBIDDEN' }),
    );
  });
});

it('a rotation by mutation reaches the running service: new tokens, and those until then refused', async () => {
  const identity = await startTestIdentity();
  try {
    const organization = await identity.organization();
    const signIn = async () => {
      const answer = await identity.graphql(
        'mutation ($input: SignInInput!) { signIn(input: $input) { accessToken } }',
        { input: { email: organization.email, password: organization.password } },
      );
      return (answer.data?.['signIn'] as { accessToken: string }).accessToken;
    };
    const before = await signIn();
    const rotated = await identity.graphql(
      'mutation { signingKeyRotate(input: { immediately: true }) { signingKey { kid retiredAt } } }',
      {},
      await identity.systemAdmin(),
    );
    const { signingKey } = rotated.data?.['signingKeyRotate'] as { signingKey: { kid: string } };
    const header = JSON.parse(Buffer.from((await signIn()).split('.')[0] ?? '', 'base64url').toString()) as { kid: string }; // prettier-ignore
    expect(header.kid).toBe(signingKey.kid);
    expect((await identity.authenticate({ accessToken: before })).status).toBe(401);
    expect((await identity.authenticate({ accessToken: await signIn() })).status).toBe(200);
  } finally {
    await identity.stop();
  }
});
