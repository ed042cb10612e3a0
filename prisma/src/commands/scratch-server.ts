import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../embedded-postgres.ts';
import { optionalDatabaseUrl } from './database-url.ts';

/**
 * A server on which databases may come and go: the one of DATABASE_URL, or else an embedded one that is removed
 * afterwards. No existing database is touched.
 */
export async function withScratchServer<T>(work: (url: string) => Promise<T>): Promise<T> {
  const given = optionalDatabaseUrl();
  if (given !== undefined) return work(given);
  const home = await mkdtemp(join(tmpdir(), 'weir-scratch-'));
  await chmod(home, 0o755);
  try {
    const server = await startEmbeddedPostgres({
      dataDir: join(home, 'pg'),
      port: 0,
      settings: { fsync: 'off' },
    });
    try {
      return await work(server.url);
    } finally {
      await server.stop();
    }
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
