import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERRORS } from '@weir/kernel/errors';
import { expectNoLeak } from './test-leaks.ts';
import { MODEL, PROVIDER_SECRET, startTestProxy, type TestProxy } from './test-proxy.ts';
import { exchangeRaw, type RawReply, type RawResponse } from './test-raw-http.ts';
import { rawAnswer, startRawUpstream, type RawUpstream } from './test-raw-upstream.ts';
import { completion, streamEvents } from './test-upstream.ts';

const RUNS = 150;
const DEADLINE_MS = 30_000;
const PATH = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hello' }];
const usage = { prompt_tokens: 9, completion_tokens: 12, total_tokens: 21 };
/** A key that meets garbage rests for seconds, so there are more of them than attempts. */
const PROVIDER_KEYS = 600;

let upstream: RawUpstream;
let proxy: TestProxy;
const toClients: Buffer[] = [];
let toLog = '';

beforeAll(async () => {
  upstream = await startRawUpstream();
  proxy = await startTestProxy({
    upstreamUrl: upstream.url,
    environment: {
      PROXY_FIRST_BYTE_TIMEOUT: '300ms',
      PROXY_IDLE_TIMEOUT: '300ms',
      PROXY_REQUEST_TIMEOUT: '3s',
      PROXY_ATTEMPTS_MAX: '2',
    },
    onLog: (line) => (toLog += line),
  });
  for (let key = 1; key < PROVIDER_KEYS; key++) await proxy.addProviderKey();
});

afterAll(async () => {
  await proxy.stop();
  await upstream.stop();
});

type Ending = 'end' | 'break off' | 'stay open';

interface Garbage {
  readonly chunks: readonly Buffer[];
  readonly ending: Ending;
}

/** Who reads the request and writes the answer: requests that close their connection are Node's. */
type Server = 'lane' | 'node';

/** Sent ahead behind a request to the lane, so that the connection is closed behind its answer. */
const LAST = 'GET /nowhere HTTP/1.1\r\nhost: weir\r\nconnection: close\r\n\r\n';

async function send({ chunks, ending }: Garbage, stream: boolean, server: Server): Promise<RawReply> {
  upstream.respond(async (socket) => {
    for (const chunk of chunks) {
      if (!socket.writable) return;
      socket.write(chunk);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (ending === 'end') socket.end();
    else if (ending === 'break off') socket.destroy();
  });
  const body = JSON.stringify({ model: MODEL, messages, stream });
  const request = Buffer.from(
    `POST ${PATH} HTTP/1.1\r\nhost: weir\r\n${server === 'node' ? 'connection: close\r\n' : ''}` +
      `x-api-key: ${proxy.apiKey}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}` +
      (server === 'lane' ? LAST : ''),
  );
  const port = Number(new URL(proxy.url).port);
  const reply = await exchangeRaw({ port, chunks: [request], quietMs: null, deadlineMs: DEADLINE_MS });
  toClients.push(reply.bytes);
  const responses = reply.responses.filter((response) => !isAnswerToLast(response));
  // A connection that went on to the next request had answered this one.
  if (responses.length < reply.responses.length) expect(responses).toHaveLength(1);
  return { ...reply, responses };
}

function isAnswerToLast(response: RawResponse): boolean {
  return response.status === 404 && isProblem(response);
}

/**
 * One answer: the provider's own, or a problem of ours that blames nobody but it; cut where the provider cut, and
 * none where it broke off before the first byte of its body.
 */
function expectSane({ responses }: RawReply): void {
  expect(responses.length).toBeLessThanOrEqual(1);
  const [response] = responses;
  if (response && isProblem(response)) {
    const { code } = JSON.parse(response.body.toString()) as { readonly code: keyof typeof ERRORS };
    expect(['UPSTREAM_ERROR', 'UPSTREAM_TIMEOUT', 'NO_PROVIDER_KEY']).toContain(code);
    expect(response.status).toBe(ERRORS[code].status);
  }
  for (const name of response?.headers.keys() ?? []) expect(name).not.toMatch(/cookie|authorization|secret/);
}

const isProblem = ({ headers }: RawResponse): boolean =>
  headers.get('content-type') === 'application/problem+json';

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

/** Places to cut at, as shares of the whole. */
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 });

function cut(whole: Buffer, shares: readonly number[]): Buffer[] {
  const places = [...new Set(shares.map((share) => Math.floor(share * whole.length)))].sort((a, b) => a - b);
  return [0, ...places].map((from, index) => whole.subarray(from, places[index] ?? whole.length));
}

const ending = fc.constantFrom<Ending>('end', 'end', 'break off', 'stay open');
const server = fc.constantFrom<Server>('lane', 'node');

const head = fc
  .record({
    interim: fc.constantFrom(
      '',
      'HTTP/1.1 100 Continue\r\n\r\n',
      'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n',
    ),
    status: fc.constantFrom(
      '200 OK',
      '200',
      '201 Created',
      '204 No Content',
      '206 x',
      '304 x',
      '302 Found',
      '99 x',
    ),
    failure: fc.option(
      fc.constantFrom('400 x', '401 x', '404 x', '429 x', '500 x', '503 x', '599 x', '999 x'),
      {
        freq: 3,
      },
    ),
    version: fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2', 'ICY'),
    headers: fc.subarray([
      'content-type: text/event-stream',
      'content-type: application/json',
      'Content-Type: Text/Event-Stream; charset=UTF-16',
      'content-type: \xe9\xff',
      'content-encoding: gzip',
      'content-encoding: identity',
      'content-length: 5',
      'content-length: 70000000000000000000',
      'transfer-encoding: chunked',
      'transfer-encoding: gzip',
      'connection: close',
      'trailer: x-secret',
      'set-cookie: a=b',
      `x-echo: ${PROVIDER_SECRET}`,
      `www-authenticate: Bearer ${PROVIDER_SECRET}`,
      `openai-organization: ${'o'.repeat(20_000)}`,
      'retry-after: -1',
      'retry-after: Thu, 99 Foo 2026',
      'location: http://127.0.0.1:1/',
      'upgrade: h2c',
    ]),
  })
  .map(({ interim, status, failure, version, headers }) => ({
    isFailure: failure !== null,
    text: `${interim}${version} ${failure ?? status}\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`,
  }));

const events = Buffer.from(streamEvents(['Hé', 'llo 水'], usage).join(''));
const chunked = (body: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(`${body.length.toString(16)}\r\n`),
    body,
    Buffer.from('\r\n0\r\nx-secret: y\r\n\r\n'),
  ]);

const body = fc.oneof(
  bytes(300),
  fc.constantFrom(
    events,
    chunked(events),
    gzipSync(events),
    chunked(gzipSync(events)),
    Buffer.from(completion()),
    chunked(Buffer.from(completion())),
    Buffer.from('data: {"choices":[],"usage":{"prompt_tokens":1e999,"completion_tokens":-1}}\n\n'),
    Buffer.from(`data: ${'{"usage":'.repeat(2_000)}\n\n`),
    Buffer.from('\r\r\r\n\n\ndata\ndata:\ndata: \n\nevent: error\n\n\0'),
    Buffer.from('ffffffffffffffff\r\n'),
    Buffer.from('-5\r\nhello\r\n'),
    Buffer.from('x'.repeat(100_000)),
  ),
  fc
    .tuple(fc.subarray([events, events, Buffer.from('data: {"usage"')]), bytes(40))
    .map(([parts, rest]) => Buffer.concat([...parts, rest])),
);

describe('whatever a provider answers, the client gets a well-formed answer or a closed connection in time', () => {
  it('streams of events of any bytes, which reach the client as they are', async () => {
    const stream = fc.array(
      fc.oneof(
        bytes(60),
        fc.constant(events),
        fc.constantFrom('\n', '\r', ': x\n\n').map((text) => Buffer.from(text)),
      ),
      { maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(stream, cuts, server, async (parts, places, by) => {
        const sent = Buffer.concat(parts);
        const begin = Buffer.from(
          'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n',
        );
        const reply = await send({ chunks: [begin, ...cut(sent, places)], ending: 'end' }, true, by);
        expectSane(reply);
        const usageEvent = Buffer.from(streamEvents([], usage)[1] ?? '').toString('latin1');
        const got = reply.responses[0]?.body.toString('latin1');
        const plain = sent.toString('latin1');
        // Nothing but whole usage events is ever missing.
        expect(got?.replaceAll(usageEvent, '')).toBe(plain.replaceAll(usageEvent, ''));
      }),
      { numRuns: RUNS },
    );
  });

  it('an event that never ends, beyond what is kept of it', async () => {
    const chunk = Buffer.from('x'.repeat(65_536));
    const begin = Buffer.from('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: ');
    const reply = await send(
      { chunks: [begin, ...Array.from({ length: 64 }, () => chunk)], ending: 'end' },
      true,
      'lane',
    );
    expect(reply.responses[0]?.body.length).toBe(6 + 64 * chunk.length);
  });

  it('bytes that are no answer', async () => {
    await fc.assert(
      fc.asyncProperty(
        bytes(200),
        cuts,
        ending,
        fc.boolean(),
        server,
        async (whole, places, end, stream, by) => {
          expectSane(await send({ chunks: cut(whole, places), ending: end }, stream, by));
        },
      ),
      { numRuns: RUNS / 2 },
    );
  });

  it('answers with odd heads and odd bodies, cut anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(
        head,
        body,
        cuts,
        ending,
        fc.boolean(),
        server,
        async (begin, rest, places, end, stream, by) => {
          // The text of a failure is read for its reason, and never passed on.
          const echo =
            begin.isFailure && !/ 4(00|04) /.test(begin.text) ? Buffer.from(PROVIDER_SECRET) : rest;
          const whole = Buffer.concat([Buffer.from(begin.text, 'latin1'), echo]);
          expectSane(await send({ chunks: cut(whole, places), ending: end }, stream, by));
        },
      ),
      { numRuns: RUNS },
    );
  });
});

describe('after all of it', () => {
  it('the proxy serves, every attempt is closed once, and no credential went where it does not belong', async () => {
    const answer = rawAnswer(completion());
    upstream.respond((socket) => void socket.write(answer));
    const served = await proxy.post(PATH, { model: MODEL, messages });
    expect(served.status).toBe(200);
    await proxy.closes(served);
    const open = `select attempt_id from ledger.attempt_log group by attempt_id having count(*) filter (where class = 'close') <> 1`;
    await expect.poll(async () => (await proxy.db.query<Record<string, unknown>>(open)).rows).toEqual([]);
    expect(toLog).toContain('"level":"warn"');
    expectNoLeak(proxy, [proxy.apiKey], {
      toClients: Buffer.concat(toClients),
      toProviders: upstream.received(),
      toLog,
    });
  });
});
