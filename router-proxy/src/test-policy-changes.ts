import type pg from 'pg';
import { newUuid } from '@weir/kernel/ids';
import { createLogger, type Logger } from '@weir/service/logger';
import { insertRow, type Row } from '@weir/testkit/postgres-tenant';

/** How tests change policy. A change is over once every proxy has dropped what it knew before. */
export interface PolicyWriter {
  change<R extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<pg.QueryResult<R>>;
  /** Is over when it is committed, for tests of what a proxy does about a change by itself. */
  changeUnheard(text: string, values?: readonly unknown[]): Promise<void>;
  insert(table: string, row: Row): Promise<void>;
}

export interface PolicyChanges extends PolicyWriter {
  /** From now on changes wait for one more proxy. */
  follow(onLog?: (line: string) => void): FollowedProxy;
}

export interface FollowedProxy {
  /** For the proxy to write to: its lines tell what it has heard of. */
  readonly log: Logger;
  /** Resolves when the proxy listens to changes. */
  readonly listening: Promise<void>;
}

interface Follower extends FollowedProxy {
  hears(marker: string): Promise<void>;
}

/** @param db May write. */
export function createPolicyChanges(db: pg.Pool): PolicyChanges {
  const followers: Follower[] = [];

  /** Signals come in the order of their commits, so who hears of a marker has heard of all changes before it. */
  async function untilHeard(): Promise<void> {
    const marker = newUuid();
    const heard = followers.map((follower) => follower.hears(marker));
    await signal(db, marker);
    await Promise.all(heard);
  }

  return {
    async change<R extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) {
      const result = await db.query<R>(text, [...values]);
      await untilHeard();
      return result;
    },
    async changeUnheard(text, values = []) {
      await db.query(text, [...values]);
    },
    async insert(table, row) {
      await insertRow(db, table, row);
      await untilHeard();
    },
    follow(onLog) {
      const follower = createFollower(db, onLog);
      followers.push(follower);
      return follower;
    },
  };
}

/** As if the policy of an organization had changed that nobody belongs to. */
async function signal(db: pg.Pool, marker: string): Promise<void> {
  await db.query(`select pg_notify('policy', $1)`, [JSON.stringify({ organizationId: marker, epoch: '0' })]);
}

function createFollower(db: pg.Pool, onLog: ((line: string) => void) | undefined): Follower {
  const waiting = new Map<string, () => void>();
  const { promise: listening, resolve: onListening } = Promise.withResolvers<void>();

  function read({ msg, organizationId }: PolicyLine): void {
    if (msg === 'listening to policy changes') {
      onListening();
      // What was sent while nobody listened is lost.
      for (const marker of waiting.keys()) void signal(db, marker);
    } else if (msg === 'policy changed' && organizationId) {
      waiting.get(organizationId)?.();
      waiting.delete(organizationId);
    }
  }

  const write = (line: string): void => {
    if (line.includes('policy change')) read(JSON.parse(line) as PolicyLine);
    onLog?.(line);
  };
  return {
    log: createLogger({
      service: 'router-proxy',
      level: onLog ? 'trace' : 'debug',
      destination: { write },
    }),
    listening,
    hears: (marker) => new Promise((resolve) => waiting.set(marker, resolve)),
  };
}

interface PolicyLine {
  readonly msg: string;
  readonly organizationId?: string | null;
}
