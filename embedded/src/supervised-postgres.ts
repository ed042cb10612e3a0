import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@weir/prisma/embedded-postgres';
import type { Logger } from '@weir/service/logger';

export interface SupervisedPostgres {
  readonly url: string;
  stop(): Promise<void>;
}

const RESTART_DELAY_MS = { first: 50, most: 5_000 } as const;

/**
 * Runs the embedded PostgreSQL under `<home>/postgres` and starts it again on the same port when it dies; the services
 * reconnect. Its address, password included, is kept in `<home>/database-url` for whoever may read it.
 */
export async function supervisePostgres(options: {
  home: string;
  port: number;
  log: Logger;
}): Promise<SupervisedPostgres> {
  const { home, log } = options;
  const dataDir = join(home, 'postgres');
  let server = await startEmbeddedPostgres({ dataDir, port: options.port });
  const { port, url } = server;
  let stopping = false;
  let restart: NodeJS.Timeout | undefined;
  let delayMs: number = RESTART_DELAY_MS.first;
  writeFileSync(join(home, 'database-url'), `${url}\n`, { mode: 0o600 });

  function watch(current: EmbeddedPostgres): void {
    void current.exited.then(() => {
      if (stopping) return;
      log.warn({ pid: current.pid }, 'PostgreSQL died; starting it again');
      scheduleRestart();
    });
  }

  function scheduleRestart(): void {
    restart = setTimeout(() => {
      startEmbeddedPostgres({ dataDir, port }).then(
        (started) => {
          server = started;
          delayMs = RESTART_DELAY_MS.first;
          watch(started);
          if (stopping) void started.stop();
        },
        (cause: unknown) => {
          if (stopping) return;
          log.error({ err: cause }, 'PostgreSQL did not come back; trying again');
          delayMs = Math.min(delayMs * 2, RESTART_DELAY_MS.most);
          scheduleRestart();
        },
      );
    }, delayMs);
  }

  watch(server);
  return {
    url,
    async stop() {
      stopping = true;
      clearTimeout(restart);
      await server.stop();
    },
  };
}
