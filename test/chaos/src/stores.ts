import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { startEmbeddedPostgres } from '@weir/prisma/embedded-postgres';
import { migrate } from '@weir/prisma/migrate';
import { startPrivateRedis } from '@weir/testkit/redis';

/** PostgreSQL and Redis of one run, which can be taken away and brought back where they were. */
export interface Stores {
  /** For the homes and logs of the services. */
  readonly folder: string;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  flushRedis(): Promise<void>;
  /** It comes back empty. */
  stopRedis(): Promise<void>;
  startRedis(): Promise<void>;
  stopPostgres(): Promise<void>;
  startPostgres(): Promise<void>;
  stop(): Promise<void>;
}

/** Migrated and empty. */
export async function startStores(): Promise<Stores> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-chaos-'));
  // PostgreSQL's own user has to reach its data when this runs as root.
  chmodSync(folder, 0o755);
  const dataDir = join(folder, 'postgres');
  let postgres = await startEmbeddedPostgres({ dataDir, port: 0 });
  let redis = await startPrivateRedis();
  await migrate(postgres.url);
  return {
    folder,
    databaseUrl: postgres.url,
    redisUrl: redis.url,
    async flushRedis() {
      const client = new Redis(redis.url);
      try {
        await client.flushall();
      } finally {
        client.disconnect();
      }
    },
    stopRedis: () => redis.kill(),
    async startRedis() {
      redis = await startPrivateRedis({ port: redis.port });
    },
    stopPostgres: () => postgres.stop(),
    async startPostgres() {
      postgres = await startEmbeddedPostgres({ dataDir, port: postgres.port });
    },
    async stop() {
      await Promise.all([redis.kill(), postgres.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
