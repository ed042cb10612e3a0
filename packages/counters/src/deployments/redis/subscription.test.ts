import { createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import { connectRedis } from '../../redis/connection.ts';
import { createSubscription, type Subscription } from './subscription.ts';

const INFO = 'redis_version:8.0.0\r\n';
const SUBSCRIBED = '*3\r\n$9\r\nsubscribe\r\n$7\r\nchannel\r\n:1\r\n';

const opened: (Subscription | { close(): void })[] = [];
afterEach(() => {
  for (const each of opened.splice(0)) each.close();
});

/** As much of a Redis as a subscriber sees; `onInfo` and `onSubscribe` say what becomes of each connection, by its number. */
async function aServer(on: {
  info(socket: Socket, connection: number): void;
  subscribe(socket: Socket, connection: number): void;
}): Promise<string> {
  let connections = 0;
  const server = createServer((socket) => {
    const connection = ++connections;
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      for (const [, name] of bytes.toString().matchAll(/^\*\d+\r\n\$\d+\r\n([a-zA-Z]+)\r$/gm)) {
        if (name?.toLowerCase() === 'info') on.info(socket, connection);
        else if (name?.toLowerCase() === 'subscribe') on.subscribe(socket, connection);
        else socket.write('+OK\r\n');
      }
    });
  });
  opened.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

// Vitest fails a run in which a promise is rejected that nobody waits for.
it('outlives a connection that breaks in the moment in which it is ready, and hears again over the next', async () => {
  const subscribed = Promise.withResolvers<number>();
  const url = await aServer({
    info(socket, connection) {
      const reply = `$${INFO.length}\r\n${INFO}\r\n`;
      if (connection === 2) socket.end(reply);
      else socket.write(reply);
    },
    subscribe(socket, connection) {
      socket.write(SUBSCRIBED);
      if (connection === 1) socket.end();
      if (connection > 2) subscribed.resolve(connection);
    },
  });
  let heard = 0;
  opened.push(
    createSubscription({
      redis: connectRedis(url),
      channel: 'channel',
      clock: { now: () => 0 },
      onState: () => undefined,
      onConnected: () => heard++,
    }),
  );
  expect(await subscribed.promise).toBe(3);
  expect(heard).toBeGreaterThan(0);
});
