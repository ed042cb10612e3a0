import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createTestDatabase } from '@weir/testkit/postgres';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { PATIENTLY } from '@weir/testkit/patience';
import { createListener, type Listener, type ListenerOptions } from './listener.ts';
import { createLogger } from './logger.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const ORGANIZATION = '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b';
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let admin: pg.Client;
const listeners: Listener[] = [];
let named = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
});
afterEach(async () => {
  await Promise.all(listeners.splice(0).map((listener) => listener.stop()));
});
afterAll(async () => {
  await admin.end();
  await database.drop();
});

function listen(options: Partial<ListenerOptions> = {}) {
  const applicationName = `listener-test-${++named}`;
  const epochs: string[] = [];
  const listener = createListener({
    url: database.url,
    applicationName,
    log,
    on: { policy: ({ epoch }) => void epochs.push(epoch) },
    probeMs: 200,
    ...options,
  });
  listeners.push(listener);
  return { listener, epochs, applicationName };
}

const notify = (epoch: string) =>
  admin.query(`select pg_notify('policy', $1)`, [JSON.stringify({ organizationId: ORGANIZATION, epoch })]);

async function backendsOf(applicationName: string): Promise<number> {
  const found = await admin.query('select 1 from pg_stat_activity where application_name = $1', [
    applicationName,
  ]);
  return found.rowCount ?? 0;
}

const connected = (listener: Listener) => listener.whenConnected(AbortSignal.timeout(30_000));

describe('signals', () => {
  it('arrive in order and parsed', async () => {
    const { listener, epochs } = listen();
    await connected(listener);
    for (const epoch of ['1', '2', '3']) await notify(epoch);
    await vi.waitFor(() => {
      expect(epochs).toEqual(['1', '2', '3']);
    }, PATIENTLY);
  });

  it('that make no sense are left out, and so is a handler’s failure', async () => {
    const epochs: string[] = [];
    const { listener } = listen({
      on: {
        policy: ({ epoch }) => {
          epochs.push(epoch);
          if (epoch === '1') throw new Error('no');
          return epoch === '2' ? Promise.reject(new Error('no')) : undefined;
        },
      },
    });
    await connected(listener);
    await admin.query(
      `select pg_notify('policy', 'not json'), pg_notify('policy', '{"epoch":1}'), pg_notify('other', '')`,
    );
    for (const epoch of ['1', '2', '3']) await notify(epoch);
    await vi.waitFor(() => {
      expect(epochs).toEqual(['1', '2', '3']);
    }, PATIENTLY);
  });

  it('sent while the owner catches up are handed over afterwards', async () => {
    const caughtUp = Promise.withResolvers<void>();
    const began = Promise.withResolvers<void>();
    const { listener, epochs } = listen({
      onConnected: async () => {
        began.resolve();
        await caughtUp.promise;
      },
    });
    await began.promise;
    await notify('7');
    expect(listener.isConnected()).toBe(false);
    expect(epochs).toEqual([]);
    caughtUp.resolve();
    await connected(listener);
    await vi.waitFor(() => {
      expect(epochs).toEqual(['7']);
    }, PATIENTLY);
  });
});

describe('a lost connection', () => {
  it('is replaced, and the owner catches up again, when the server ends it', async () => {
    const onConnected = vi.fn(() => Promise.resolve());
    const onDisconnected = vi.fn();
    const { listener, epochs, applicationName } = listen({ onConnected, onDisconnected });
    await connected(listener);
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [
      applicationName,
    ]);
    await vi.waitFor(() => {
      expect(onConnected).toHaveBeenCalledTimes(2);
    }, PATIENTLY);
    await connected(listener);
    expect(onDisconnected).toHaveBeenCalledTimes(1);
    await notify('after');
    await vi.waitFor(() => {
      expect(epochs).toEqual(['after']);
    }, PATIENTLY);
  });

  it('is noticed when the network swallows everything without a word', async () => {
    const network = await createNetwork(database.url);
    const { listener } = listen({ url: network.url });
    await connected(listener);
    network.swallow();
    await vi.waitFor(() => {
      expect(listener.isConnected()).toBe(false);
    }, PATIENTLY);
    network.restore();
    await connected(listener);
    await listener.stop();
    await network.close();
  });

  it('is also what a failed catch-up amounts to', async () => {
    let attempts = 0;
    const { listener } = listen({
      onConnected: () => (++attempts < 3 ? Promise.reject(new Error('not yet')) : Promise.resolve()),
    });
    await connected(listener);
    expect(attempts).toBe(3);
  });

  it('ends the catch-up that was under way', async () => {
    const given: AbortSignal[] = [];
    const { listener, applicationName } = listen({
      onConnected: (signal) => {
        given.push(signal);
        return given.length === 1 ? new Promise(() => undefined) : Promise.resolve();
      },
    });
    await vi.waitFor(() => {
      expect(given).toHaveLength(1);
    }, PATIENTLY);
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [
      applicationName,
    ]);
    await connected(listener);
    expect(given[0]?.aborted).toBe(true);
  });
});

describe('stopping', () => {
  it('leaves no connection behind', async () => {
    const { listener, applicationName } = listen();
    await connected(listener);
    expect(await backendsOf(applicationName)).toBe(1);
    await listener.stop();
    expect(listener.isConnected()).toBe(false);
    await vi.waitFor(async () => {
      expect(await backendsOf(applicationName)).toBe(0);
    }, PATIENTLY);
  });

  it('does not wait for a server that is not there, nor for a catch-up', async () => {
    const { listener: nowhere } = listen({ url: 'postgres://127.0.0.1:1/weir' });
    const waiting = expect(connected(nowhere)).rejects.toThrow();
    await nowhere.stop();
    await waiting;

    const began = Promise.withResolvers<void>();
    const { listener: busy } = listen({
      onConnected: () => {
        began.resolve();
        return new Promise(() => undefined);
      },
    });
    await began.promise;
    await busy.stop();
  });
});

/** A TCP relay in front of the database that can fall silent, as a network does that loses its state. */
async function createNetwork(databaseUrl: string) {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let silent = false;
  const server: Server = createServer((client) => {
    const upstream = connect(Number(target.port || 5432), target.hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => undefined);
      from.on('close', () => to.destroy());
      from.on('data', (bytes) => {
        if (!silent) to.write(bytes);
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('the relay has no port');
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String(address.port);
  return {
    url: url.href,
    swallow: () => {
      silent = true;
    },
    restore: () => {
      silent = false;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
