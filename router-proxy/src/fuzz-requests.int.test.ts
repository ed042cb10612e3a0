import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERRORS } from '@weir/kernel/errors';
import { expectNoLeak } from './test-leaks.ts';
import { MODEL, startTestProxy, type TestProxy } from './test-proxy.ts';
import { exchangeRaw, type RawExchange, type RawReply } from './test-raw-http.ts';
import { rawAnswer, startRawUpstream, type RawUpstream } from './test-raw-upstream.ts';
import { completion } from './test-upstream.ts';

const RUNS = 150;
const DEADLINE_MS = 30_000;
const QUIET_MS = 100;
const PATH = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hello' }];

let upstream: RawUpstream;
let proxy: TestProxy;
let port: number;
const toClients: Buffer[] = [];
let toLog = '';

beforeAll(async () => {
  upstream = await startRawUpstream();
  const answer = rawAnswer(completion());
  upstream.respond((socket) => void socket.write(answer));
  proxy = await startTestProxy({ upstreamUrl: upstream.url, onLog: (line) => (toLog += line) });
  port = Number(new URL(proxy.url).port);
});

afterAll(async () => {
  await proxy.stop();
  await upstream.stop();
});

/** A call that is right but for what is put into it. */
function request(parts: {
  readonly line?: string;
  readonly headers?: readonly string[];
  readonly body?: Buffer;
  readonly length?: string | null;
}): Buffer {
  const body = parts.body ?? Buffer.from(JSON.stringify({ model: MODEL, messages }));
  const length = parts.length === undefined ? `content-length: ${body.length}` : parts.length;
  const head = [
    parts.line ?? `POST ${PATH} HTTP/1.1`,
    'host: weir',
    `x-api-key: ${proxy.apiKey}`,
    ...(length === null ? [] : [length]),
    ...(parts.headers ?? []),
  ].join('\r\n');
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), body]);
}

async function exchange(
  chunks: readonly Buffer[],
  options: Partial<Pick<RawExchange, 'quietMs' | 'late'>> = {},
): Promise<RawReply> {
  const reply = await exchangeRaw({ port, chunks, deadlineMs: DEADLINE_MS, quietMs: QUIET_MS, ...options });
  toClients.push(reply.bytes);
  return reply;
}

/** Whatever was sent: a served answer, or a problem with a code of ours that says whose fault it is. */
function expectSane({ responses, isCut }: RawReply): void {
  for (const [index, { status, headers, body }] of responses.entries()) {
    // What answers a HEAD has no body behind its length; it cannot be told apart from one that was cut.
    if (status === 200 || (isCut && index === responses.length - 1)) continue;
    expect([status, headers.get('content-type')]).toEqual([status, 'application/problem+json']);
    const problem = JSON.parse(body.toString()) as {
      readonly code: keyof typeof ERRORS;
      readonly status: number;
    };
    expect(problem.status).toBe(status);
    expect(ERRORS[problem.code].status).toBe(status);
    expect(ERRORS[problem.code].kind).toBe('client');
  }
}

describe('whatever a client sends, it gets a well-formed answer or a closed connection', () => {
  const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,30}$/);
  const bytes = (maxLength: number) =>
    fc.uint8Array({ maxLength }).map((array) => Buffer.from(array).toString('latin1'));
  const name = fc.oneof(
    fc.constantFrom(
      'transfer-encoding',
      'content-length',
      'connection',
      'expect',
      'upgrade',
      'host',
      'te',
      'trailer',
      'content-encoding',
      'content-type',
      'authorization',
      'x-api-key',
      'idempotency-key',
      'x-forwarded-for',
      'traceparent',
      'accept',
      'openai-beta',
      'cookie',
      'keep-alive',
      'http2-settings',
    ),
    token,
    bytes(12),
  );
  const value = fc.oneof(
    fc.constantFrom(
      'chunked',
      'identity',
      'gzip, chunked',
      '0',
      '-1',
      '+5',
      '5, 5',
      '100-continue',
      'close',
      'h2c',
    ),
    fc.constantFrom('websocket', 'keep-alive, x-api-key', '', ' ', 'x'.repeat(9_000), 'x'.repeat(40_000)),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    bytes(60),
    fc.tuple(token, token).map(([a, b]) => `${a}\r\n ${b}`),
  );
  const header = fc
    .tuple(name, value, fc.constantFrom(': ', ':', ' : ', ''))
    .map(([n, v, colon]) => n + colon + v);

  it('odd, huge, repeated, folded and binary headers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(header, { maxLength: 8 }), async (headers) => {
        expectSane(await exchange([request({ headers })]));
      }),
      { numRuns: RUNS },
    );
  });

  it('odd request lines', async () => {
    const line = fc.oneof(
      fc
        .tuple(
          fc.constantFrom('POST', 'GET', 'HEAD', 'OPTIONS', 'CONNECT', 'PRI', 'post', 'DELETE', 'TRACE', ''),
          fc.oneof(
            fc.constantFrom(
              PATH,
              `${PATH}/`,
              `//${PATH}`,
              `${PATH}?x=%zz`,
              '/v1/models/%zz',
              '/v1/models/%00',
              `/v1/models/${'a'.repeat(3_000)}`,
              '*',
              'http://elsewhere/v1/models',
              '/v1/../v1/chat/completions',
              '/v1%2fchat%2fcompletions',
              'elsewhere:443',
            ),
            fc.webUrl(),
            fc.string({ unit: 'binary', maxLength: 40 }),
          ),
          fc.constantFrom('HTTP/1.1', 'HTTP/1.0', 'HTTP/0.9', 'HTTP/2.0', 'HTTP/9', '', 'http/1.1'),
        )
        .map(([method, target, version]) => `${method} ${target} ${version}`),
      bytes(40),
    );
    await fc.assert(
      fc.asyncProperty(line, async (text) => {
        expectSane(await exchange([request({ line: text })]));
      }),
      { numRuns: RUNS },
    );
  });

  it('bytes that are no request, cut anywhere', async () => {
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
      fc.constantFrom(
        ...[
          'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
          'POST ',
          '\r\n\r\n',
          '\n\n',
          '0\r\n\r\n',
          '\x16\x03\x01\x02\x00\x01',
        ].map((text) => Buffer.from(text, 'latin1')),
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(chunk, { maxLength: 6 }), async (chunks) => {
        expectSane(await exchange(chunks));
      }),
      { numRuns: RUNS },
    );
  });

  it('JSON of every kind: deep, repeated, huge, half and not UTF-8', async () => {
    const before = upstream.requests;
    const forwarded: Buffer[] = [];
    upstream.respond((socket, received) => {
      forwarded.push(received.subarray(received.indexOf('\r\n\r\n') + 4));
      socket.write(rawAnswer(completion()));
    });
    const scalar = fc.oneof(
      fc.constantFrom(
        'null',
        'true',
        '1e999',
        '-0',
        '123456789012345678901234567890',
        '0.1e-400',
        '"\\ud800"',
      ),
      fc.constantFrom(
        '"\\u0000"',
        '[]',
        '{}',
        '{"__proto__":{"model":"x"}}',
        '{"a":1,"a":2}',
        '"x"',
        '\u2028',
      ),
      fc.nat({ max: 3_000 }).map((depth) => '['.repeat(depth) + ']'.repeat(depth)),
      fc.nat({ max: 3_000 }).map((depth) => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth)),
      fc.json({ maxDepth: 4 }),
    );
    const key = fc.constantFrom(
      ...[
        'model',
        'mod\\u0065l',
        'messages',
        'stream',
        'stream_options',
        'n',
        'max_tokens',
        'max_completion_tokens',
      ],
      ...['tools', 'user', '__proto__', 'constructor', 'modalities', 'request_id', 'prompt', 'metadata', ''],
    );
    const member = fc.tuple(key, scalar).map(([k, v]) => `"${k}":${v}`);
    const valid = [`"model":"${MODEL}"`, `"messages":${JSON.stringify(messages)}`];
    const object = fc
      .tuple(fc.array(member, { maxLength: 4 }), fc.subarray(valid), fc.boolean())
      .map(([odd, right, first]) => `{${(first ? [...right, ...odd] : [...odd, ...right]).join(',')}}`);
    const text = fc.oneof({ weight: 4, arbitrary: object }, { weight: 1, arbitrary: scalar });
    const damaged = fc
      .tuple(text, fc.option(fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 3 }), fc.nat({ max: 3 }))))
      .map(([json, damage]) => {
        const whole = Buffer.from(json);
        if (!damage) return whole;
        const [place, put, removed] = damage;
        const at = place % (whole.length + 1);
        return Buffer.concat([whole.subarray(0, at), put, whole.subarray(at + removed)]);
      });
    const path = fc.constantFrom(PATH, '/v1/inference');
    await fc.assert(
      fc.asyncProperty(damaged, path, async (body, target) => {
        const headers = ['connection: close'];
        const reply = await exchange([request({ line: `POST ${target} HTTP/1.1`, headers, body })], {
          quietMs: null,
        });
        expect(reply.responses).toHaveLength(1);
        expectSane(reply);
      }),
      { numRuns: 2 * RUNS },
    );
    // A test that only ever sees refusals would prove little.
    expect(upstream.requests).toBeGreaterThan(before);
    // What was checked is what the provider reads, however it reads it.
    for (const body of forwarded) {
      expect(isUtf8(body)).toBe(true);
      expect(JSON.parse(body.toString())).toMatchObject({ model: MODEL });
    }
  });
});

describe('a second request that is hidden in the first', () => {
  const hidden = 'POST /v1/chat/completions HTTP/1.1\r\nhost: weir\r\n\r\n';
  const chunked = `0\r\n\r\n${hidden}`;

  it.each([
    ['two lengths', ['transfer-encoding: chunked'], `content-length: ${chunked.length}`],
    ['two lengths, the other way round', [`content-length: 4`], 'transfer-encoding: chunked'],
    ['two different lengths', ['content-length: 3'], 'content-length: 5'],
    ['a list of lengths', [], 'content-length: 5, 3'],
    ['a length with a sign', [], 'content-length: +5'],
    ['a negative length', [], 'content-length: -5'],
    ['an encoding that is not known', [], 'transfer-encoding: xchunked'],
    ['an encoding behind chunked', [], 'transfer-encoding: chunked, identity'],
    ['a space before the colon', [], 'transfer-encoding : chunked'],
    ['a folded encoding', [], 'transfer-encoding:\r\n chunked'],
    ['a lone LF', ['x: y\ntransfer-encoding: chunked'], `content-length: ${chunked.length}`],
    ['a lone CR', ['x: y\rtransfer-encoding: chunked'], `content-length: ${chunked.length}`],
  ])('by %s reaches no provider, and the connection is closed', async (_, headers, length) => {
    const before = upstream.requests;
    const reply = await exchange([request({ headers, length, body: Buffer.from(chunked) })], {
      quietMs: null,
    });
    expectSane(reply);
    expect(reply.responses.filter(({ status }) => status === 200)).toEqual([]);
    expect(reply.responses.length).toBeLessThanOrEqual(1);
    expect(upstream.requests).toBe(before);
  });

  it('is a request of its own where it is not hidden: pipelined, and answered in order', async () => {
    const reply = await exchange(
      [
        Buffer.concat([
          request({}),
          request({ line: 'GET /v1/nothing HTTP/1.1', headers: ['connection: close'] }),
        ]),
      ],
      { quietMs: null },
    );
    expect(reply.responses.map(({ status }) => status)).toEqual([200, 404]);
  });
});

describe('bytes behind a request whose answer is running', () => {
  it('do not get into the answer', async () => {
    upstream.respond((socket) => {
      // It does not end by itself: the proxy closes the connection that says what is no request.
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {"choices":[]}\n\n');
    });
    const stream = request({ body: Buffer.from(JSON.stringify({ model: MODEL, messages, stream: true })) });
    const late = Buffer.from('\0 no request at all\r\n\r\n');
    const reply = await exchange([stream], { late, quietMs: null });
    expect(reply.bytes.toString('latin1').match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(reply.responses[0]?.body.toString() ?? '').not.toContain('HTTP/1.1');
    upstream.respond((socket) => void socket.write(rawAnswer(completion())));
  });
});

describe('after all of it', () => {
  it('the proxy serves, every attempt is closed, and no credential went where it does not belong', async () => {
    const answer = await proxy.post(PATH, { model: MODEL, messages });
    expect(answer.status).toBe(200);
    await proxy.closes(answer);
    const open = `select attempt_id from ledger.attempt_log group by attempt_id having count(*) filter (where class = 'close') <> 1`;
    await expect.poll(async () => (await proxy.db.query<Record<string, unknown>>(open)).rows).toEqual([]);
    expect(toLog).toContain('"level":"info"');
    expectNoLeak(proxy, [proxy.apiKey], {
      toClients: Buffer.concat(toClients),
      toProviders: upstream.received(),
      toLog,
    });
  });
});
