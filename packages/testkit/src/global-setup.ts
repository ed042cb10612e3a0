import { startTestPostgres } from './postgres-server.ts';
import { startTestRedis } from './redis.ts';

/** Vitest calls it once per project that has it, before the first test, and what it returns after the last. */
export default async function setUp(): Promise<() => Promise<void>> {
  const postgres = await startTestPostgres();
  try {
    const redis = await startTestRedis();
    return async () => {
      await Promise.all([redis.stop(), postgres.stop()]);
    };
  } catch (thrown) {
    await postgres.stop();
    throw thrown;
  }
}
