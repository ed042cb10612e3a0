import { createEmptyDatabase, createTestDatabase } from '@weir/testkit/postgres';
import { expect, it } from 'vitest';
import { migrate, pendingSchemaChanges } from './migrate.ts';

it('applies every migration once, also when two processes start at the same moment', async () => {
  const database = await createEmptyDatabase();
  try {
    const [one, other] = await Promise.all([migrate(database.url), migrate(database.url)]);
    expect([one.applied.length, other.applied.length].sort()[0]).toBe(0);
    expect(one.applied.length + other.applied.length).toBeGreaterThan(4);
    expect(await migrate(database.url)).toEqual({ applied: [] });
  } finally {
    await database.drop();
  }
});

it('leaves no difference between the Prisma schema and what the migrations build', async () => {
  const database = await createTestDatabase();
  try {
    expect(await pendingSchemaChanges(database.url)).toBe('');
  } finally {
    await database.drop();
  }
});
