import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Exchange } from '../http/exchange.ts';
import { systemClock } from '@weir/kernel/clock';
import { createLiveRequests } from '../http/live-requests.ts';
import { createServeRequest, type Reached } from '../http/serve-request.ts';
import { openFastLane, type FastLane } from './fast-lane.ts';

const PATH = '/v1/chat/completions';
const RECEIVE_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 20_000;
const UNREAD_TIMEOUT_MS = 200;

let server: Server;
let lane: FastLane;
/** Serves what reaches the lane; a test says how. */
let answer: (exchange: Exchange) => void | Promise<void>;
/** Who served which body, in order. */
let served: string[];

/** The server's side of the connections. */
let accepted: Socket[];

/** Says who it was and what the body was. */
function echo(exchange: Exchange): void {
  const text = `lane:${exchange.body.toString('latin1')}`;
  exchange.answer.start(200, ['content-length', String(text.length)], false, text.length);
  exchange.answer.write(Buffer.from(text));
  exchange.answer.end();
}

const live = createLiveRequests(systemClock);

beforeEach(async () => {
  // The lane's slow clock; sockets know none.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  served = [];
  accepted = [];
  answer = echo;
  server = createServer(async (req, res) => {
    const parts: Buffer[] = [];
    for await (const part of req) parts.push(part as Buffer);
    const body = Buffer.concat(parts).toString('latin1');
    served.push(`node ${req.method ?? ''} ${body}`);
    res.end(`node:${body}`);
  });
  const reached: Reached = {
    endpoint: PATH,
    dialect: 'openai',
    async serve(exchange) {
      served.push(`lane POST ${exchange.body.toString('latin1')}`);
      await answer(exchange);
    },
  };
  lane = openFastLane(server, {
    serveRequest: createServeRequest({
      live,
      reporter: { admitted: () => undefined, finished: () => undefined },
      clock: systemClock,
      requestTimeoutMs: 60_000,
      inFlightMax: 100,
      refusal: () => null,
    }),
    keepAliveMs: KEEP_ALIVE_MS,
    receiveTimeoutMs: RECEIVE_TIMEOUT_MS,
    unreadTimeoutMs: UNREAD_TIMEOUT_MS,
    reached: ({ url }) => (url === PATH ? reached : undefined),
  });
  server.prependListener('connection', (socket) => accepted.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  vi.useRealTimers();
  lane.close();
  lane.closeAll();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

function request(body: string, lines: readonly string[] = [], path = PATH): string {
  return [`POST ${path} HTTP/1.1`, 'host: a', `content-length: ${body.length}`, ...lines, '', body].join(
    '\r\n',
  );
}

/** A connection of a client, and the text that has come back on it. */
class Client {
  received = '';
  readonly socket: Socket;

  constructor() {
    this.socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    this.socket.on('data', (bytes) => (this.received += bytes.toString('latin1')));
    this.socket.on('error', () => undefined);
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** The bodies of the answers, once there are so many. */
  async bodies(count: number): Promise<readonly string[]> {
    const found = (): readonly string[] =>
      [...this.received.matchAll(/(?:lane|node):[a-z0-9]*/g)].map(([body]) => body);
    await expect.poll(found).toHaveLength(count);
    return found();
  }

  async closed(): Promise<void> {
    if (!this.socket.closed) await once(this.socket, 'close');
  }
}

describe('a connection', () => {
  it('is served by the lane while its requests are plain, and by Node from the first one that is not', async () => {
    const client = new Client();
    client.send(request('a1'));
    await client.bodies(1);
    client.send(request('a2'));
    await client.bodies(2);
    client.send(request('a3', ['x-a: 1', 'x-a: 2']));
    await client.bodies(3);
    client.send(request('a4'));
    expect(await client.bodies(4)).toEqual(['lane:a1', 'lane:a2', 'node:a3', 'node:a4']);
    client.socket.destroy();
  });

  it('answers requests that are sent ahead in their order, whoever serves them and however they are cut', async () => {
    const one = fc.record({
      body: fc.string({ unit: fc.constantFrom('a', 'b', '0'), maxLength: 30 }),
      isPlain: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(one, { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(2_000)),
        async (list, cuts) => {
          const client = new Client();
          const text = list
            .map(({ body, isPlain }) => (isPlain ? request(body) : request(body, ['x-a: 1', 'x-a: 2'])))
            .join('');
          let from = 0;
          for (const cut of [...new Set(cuts)].toSorted((a, b) => a - b).filter((at) => at < text.length)) {
            client.send(text.slice(from, cut));
            from = cut;
            await new Promise((next) => setImmediate(next));
          }
          client.send(text.slice(from));
          const bodies = await client.bodies(list.length);
          expect(bodies.map((body) => body.slice('lane:'.length))).toEqual(list.map(({ body }) => body));
          client.socket.destroy();
          await client.closed();
        },
      ),
      { numRuns: 60 },
    );
  });

  it('takes a body in as many pieces as it comes', async () => {
    const client = new Client();
    const text = request('abcdefghij');
    const start = text.indexOf('abcdefghij');
    client.send(text.slice(0, start));
    for (const character of text.slice(start)) {
      await new Promise((next) => setImmediate(next));
      client.send(character);
    }
    expect(await client.bodies(1)).toEqual(['lane:abcdefghij']);
    client.socket.destroy();
  });

  it('of a client that leaves ends the request that it waits for', async () => {
    const ended = new Promise<string>((resolve) => {
      answer = (exchange) => {
        exchange.lifetime.listen((ending) => {
          resolve(ending.kind);
        });
        client.socket.destroy();
      };
    });
    const client = new Client();
    client.send(request('a'));
    expect(await ended).toBe('client gone');
  });

  it('of a client that leaves behind a request that it sent ahead is seen to end, too', async () => {
    const ended = new Promise<string>((resolve) => {
      answer = (exchange) => {
        exchange.lifetime.listen((ending) => {
          resolve(ending.kind);
        });
        client.socket.end();
      };
    });
    const client = new Client();
    client.send(request('a1') + request('a2'));
    expect(await ended).toBe('client gone');
    expect(served).toEqual(['lane POST a1']);
  });

  it.each(['\n', '\r\n', '\r\n\r\n'])(
    'passes over the line end %j that some clients send behind a body',
    async (lineEnd) => {
      const client = new Client();
      client.send(request('a1') + lineEnd);
      await client.bodies(1);
      client.send(request('a2') + lineEnd + request('a3'));
      expect(await client.bodies(3)).toEqual(['lane:a1', 'node:a2', 'node:a3']);
      client.socket.destroy();
    },
  );

  it('is told so and closed when what comes with a request is no part of one, and the request is not served', async () => {
    const client = new Client();
    client.send(`${request('a')}\0\0\0`);
    await client.closed();
    expect(client.received).toMatch(/^HTTP\/1\.1 400 [^]*Check its headers and the length of its body/);
    expect(served).toEqual([]);
  });

  it('is told so and closed when what is sent ahead of an answer is no request', async () => {
    const ended = new Promise<string>((resolve) => {
      answer = (exchange) => {
        exchange.lifetime.listen((ending) => {
          resolve(ending.kind);
        });
        client.send('\0\0\0');
      };
    });
    const client = new Client();
    client.send(request('a'));
    await client.closed();
    expect(client.received).toMatch(/^HTTP\/1\.1 400 /);
    expect(await ended).toBe('client gone');
  });

  it('of a client that ends its side within a body is told so', async () => {
    const client = new Client();
    client.socket.end(request('abc').slice(0, -1), 'latin1');
    await client.closed();
    expect(client.received).toMatch(/^HTTP\/1\.1 400 [^]*Check its headers and the length of its body/);
    expect(served).toEqual([]);
  });
});

describe('an answer', () => {
  it.each([
    ['less', 'abc'],
    ['more', 'abcdef'],
  ])(
    'with %s than it announced breaks the connection, so that nobody takes the next one for its rest',
    async (_, text) => {
      answer = (exchange) => {
        exchange.answer.start(200, ['content-length', '5'], false, null);
        exchange.answer.write(Buffer.from(text));
        exchange.answer.end();
      };
      const client = new Client();
      client.send(request('a1') + request('a2'));
      await client.closed();
      expect(served).toEqual(['lane POST a1']);
      expect(client.received).not.toContain('abcdef');
    },
  );

  it.each([204, 304])('without a body (%i) is its head alone, and the next one follows', async (status) => {
    let first = true;
    answer = (exchange) => {
      if (!first) return echo(exchange);
      first = false;
      exchange.answer.start(status, [], false, null);
      exchange.answer.write(Buffer.from('lane:none'));
      exchange.answer.end();
    };
    const client = new Client();
    client.send(request('a1') + request('a2'));
    expect(await client.bodies(1)).toEqual(['lane:a2']);
    expect(client.received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*\r\n\r\nHTTP/1\\.1 200 OK\r\n`));
    expect(client.received).not.toContain('transfer-encoding');
    client.socket.destroy();
  });

  it('cannot be made two by a header', async () => {
    answer = (exchange) => {
      exchange.answer.start(200, ['x-a', 'b\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK'], false, null);
    };
    const client = new Client();
    client.send(request('a1'));
    await expect.poll(() => client.received.includes('\r\n\r\n') || client.socket.closed).toBe(true);
    expect(client.received).not.toContain('HTTP/1.1 200');
    client.socket.destroy();
  });

  it('says that the connection closes, and closes it, where it has to', async () => {
    answer = (exchange) => {
      exchange.answer.announce('connection', 'close');
      echo(exchange);
    };
    const client = new Client();
    client.send(request('a1'));
    await client.closed();
    expect(client.received).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(client.received.match(/connection: close/g)).toHaveLength(1);
    expect(client.received).not.toContain('keep-alive');
  });
});

describe('a lane that closes', () => {
  it('ends idle connections at once and the others with their answers', async () => {
    const { promise, resolve: finish } = Promise.withResolvers<void>();
    answer = async (exchange) => {
      await promise;
      echo(exchange);
    };
    const [idle, busy] = [new Client(), new Client()];
    busy.send(request('a1'));
    await expect.poll(() => served).toHaveLength(1);
    lane.close();
    await idle.closed();
    expect(busy.socket.closed).toBe(false);
    finish();
    await busy.closed();
    expect(busy.received).toContain('connection: close');
    expect(busy.received).toContain('lane:a1');
  });
});

describe('a connection that waits', () => {
  it('for its next request is closed after the time that clients are told', async () => {
    const client = new Client();
    client.send(request('a1'));
    await client.bodies(1);
    expect(client.received).toContain(`keep-alive: timeout=${KEEP_ALIVE_MS / 1_000}`);
    vi.advanceTimersByTime(KEEP_ALIVE_MS - 1_000);
    client.send(request('a2'));
    await client.bodies(2);
    vi.advanceTimersByTime(KEEP_ALIVE_MS - 1_000);
    expect(client.socket.closed).toBe(false);
    vi.advanceTimersByTime(5_000);
    await client.closed();
  });

  it.each([
    ['that is kept', []],
    ['that closes behind its answer', ['connection: close']],
  ])('for a client that does not read its answer any more ends, also a connection %s', async (_, lines) => {
    answer = ({ answer: given }) => {
      given.start(200, [], false, null);
      given.write(Buffer.alloc(50_000_000));
      given.end();
    };
    const client = new Client();
    client.socket.pause();
    client.send(request('a', lines));
    await expect.poll(() => served).toHaveLength(1);
    const [socket] = accepted;
    if (socket?.closed === false) await once(socket, 'close');
    expect(socket?.closed).toBe(true);
    client.socket.destroy();
  });

  it('for a client that reads slowly goes on for as long as something moves', async () => {
    const bytes = 20_000_000;
    answer = ({ answer: given }) => {
      given.start(200, ['content-length', String(bytes)], false, bytes);
      given.write(Buffer.alloc(bytes));
      given.end();
    };
    const client = new Client();
    client.send(request('a'));
    let read = 0;
    client.socket.on('data', (part) => {
      read += part.length;
      client.socket.pause();
      setTimeout(() => client.socket.resume(), 1);
    });
    // Meanwhile the lane's clock goes on for much longer than idle connections are kept.
    await expect
      .poll(
        () => {
          vi.advanceTimersByTime(KEEP_ALIVE_MS);
          return read;
        },
        { timeout: 20_000 },
      )
      .toBeGreaterThanOrEqual(bytes);
    client.socket.destroy();
  });

  it('for the rest of a request is told so and closed', async () => {
    const client = new Client();
    const half = request('abcdef').slice(0, -3);
    client.send(half);
    await expect.poll(() => accepted[0]?.bytesRead).toBe(half.length);
    vi.advanceTimersByTime(RECEIVE_TIMEOUT_MS + 5_000);
    await client.closed();
    expect(client.received).toMatch(/^HTTP\/1\.1 400 /);
    expect(client.received).toContain('did not arrive in time');
    expect(served).toEqual([]);
  });
});
