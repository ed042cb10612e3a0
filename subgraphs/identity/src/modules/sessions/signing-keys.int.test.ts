import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '@weir/kernel/clock';
import { newUuid } from '@weir/kernel/ids';
import { createDatabase, type Database } from '@weir/prisma/database';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { createAccessTokens } from './access-token.ts';
import { openSigningKeys } from './signing-keys.ts';

let database: TestDatabase;
let db: Database;
const masterKey = randomBytes(32);
const open = (key = masterKey) => openSigningKeys({ db, masterKey: key, clock: systemClock });

beforeAll(async () => {
  database = await createTestDatabase();
  db = createDatabase({ url: database.url, role: 'weir_identity', max: 5 });
});
afterAll(async () => {
  await db.$disconnect();
  await database.drop();
});

describe('signing keys', () => {
  it('are made once, by whichever process starts first, and shared by all', async () => {
    const opened = await Promise.all(Array.from({ length: 5 }, () => open()));
    expect(await db.signingKey.count()).toBe(1);
    const names = { userId: newUuid(), sessionId: newUuid() };
    const [first, ...others] = opened.map((keys) =>
      createAccessTokens(keys, systemClock, 'https://weir.example'),
    );
    const token = await first?.sign(names);
    for (const other of others) expect(await other.verify(token?.text ?? '')).toMatchObject(names);
  });

  it('open with the master key that sealed them and no other', async () => {
    await open();
    await expect(open(randomBytes(32))).rejects.toThrow('does not open');
    const [row] = await db.signingKey.findMany();
    expect(JSON.stringify(row)).not.toContain('"d":');
  });
});
