import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MODEL, startTestProxy, type TestProxy } from './test-proxy.ts';
import {
  answerWith,
  completion,
  startTestUpstream,
  streamEvents,
  type Responder,
  type TestUpstream,
} from './test-upstream.ts';

const PATH = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hello' }];
const usage = { prompt_tokens: 9, completion_tokens: 12, total_tokens: 21 };
const IDLE_MS = 400;

let upstream: TestUpstream;
let proxy: TestProxy;

beforeAll(async () => {
  upstream = await startTestUpstream();
  proxy = await startTestProxy({
    upstreamUrl: upstream.url,
    environment: { PROXY_IDLE_TIMEOUT: `${IDLE_MS}ms` },
  });
});

afterAll(async () => {
  await proxy.stop();
  await upstream.stop();
});

/** Two writes, each in a packet of its own. */
function inTwo(bytes: Buffer, at: number, contentType: string): Responder {
  return async (_, res) => {
    res.socket?.setNoDelay(true);
    res.writeHead(200, { 'content-type': contentType });
    res.write(bytes.subarray(0, at));
    await new Promise((resolve) => setImmediate(resolve));
    res.end(bytes.subarray(at));
  };
}

describe('over real sockets, cut at every byte', () => {
  const stream = (end: string, withUsage: boolean) =>
    Buffer.from(
      streamEvents(['é🌊', '水'], withUsage ? usage : null)
        .join('')
        .replaceAll('\n', end),
    );
  const json = Buffer.from(JSON.stringify({ choices: [{ message: { content: 'é🌊水' } }], usage }));

  it.each([
    ['a stream with CRLF', stream('\r\n', true), stream('\r\n', true), { include_usage: true }],
    ['a stream whose client asked for no usage', stream('\r\n', true), stream('\r\n', false), undefined],
    ['an answer in one piece', json, json, null],
  ])('%s reaches the client to the last byte', async (_, sent, received, options) => {
    const body = {
      model: MODEL,
      messages,
      ...(options === null ? {} : { stream: true, stream_options: options }),
    };
    for (let at = 1; at < sent.length; at++) {
      upstream.respond(inTwo(sent, at, options === null ? 'application/json' : 'text/event-stream'));
      const answer = await proxy.post(PATH, body);
      const got = Buffer.from(await answer.arrayBuffer());
      if (!got.equals(received)) expect(`${at}: ${got.toString()}`).toBe(`${at}: ${received.toString()}`);
    }
  });
});

const CHUNK = Buffer.from(
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'x'.repeat(60_000) } }] })}\n\n`,
);

/** Asks for a stream and reads nothing until told to. */
async function openSlowly(
  { url, apiKey }: TestProxy = proxy,
  path = PATH,
  lines = ['connection: close'],
): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.pause();
  const body = JSON.stringify({ model: MODEL, messages, stream: true });
  socket.write(
    `POST ${path} HTTP/1.1\r\nhost: weir\r\nx-api-key: ${apiKey}\r\n${lines.map((line) => `${line}\r\n`).join('')}` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  return socket;
}

describe('a client that does not read for a while', () => {
  const CHUNKS = 1_000;
  /** What the sockets of two connections may hold on both ends, where the system lets them grow; the proxy adds little. */
  const HELD_BYTES_MAX = 24 * 1024 * 1024;

  it('stops the reading from the provider, is not taken for a silent provider, and gets every byte in the end', async () => {
    let written = 0;
    upstream.respond(async (_, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      for (; written < CHUNKS; written++) {
        if (!res.write(CHUNK)) await once(res, 'drain');
      }
      res.end();
    });
    const socket = await openSlowly();
    let before = -1;
    // Longer without progress than the provider may be silent.
    await expect
      .poll(
        () => {
          const isHeldBack = written > 0 && written === before;
          before = written;
          return isHeldBack;
        },
        { interval: 2 * IDLE_MS, timeout: 20_000 },
      )
      .toBe(true);
    expect(written * CHUNK.length).toBeLessThan(HELD_BYTES_MAX);
    const got = createHash('sha256');
    const body = bodyOf(socket);
    for await (const part of body) got.update(part);
    const all = createHash('sha256');
    for (let chunk = 0; chunk < CHUNKS; chunk++) all.update(CHUNK);
    expect(got.digest('hex')).toBe(all.digest('hex'));
  });
});

describe('a client that does not read any more', () => {
  let impatient: TestProxy;
  beforeAll(async () => {
    impatient = await startTestProxy({
      upstreamUrl: upstream.url,
      environment: { PROXY_REQUEST_TIMEOUT: '1s' },
    });
  });
  afterAll(async () => {
    await impatient.stop();
  });

  it('loses its connection some time after its request', async () => {
    upstream.respond(async (_, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      while (!res.destroyed) {
        if (!res.write(CHUNK)) await Promise.race([once(res, 'drain'), once(res, 'close')]);
      }
    });
    // With a query it is Node's server that reads it; the lane has a test of its own.
    const socket = await openSlowly(impatient, `${PATH}?a`, []);
    // A connection that is gone refuses what is sent on it; one that is there takes it for the beginning of a request. Sent
    // more seldom than the time without progress after which it goes.
    socket.write('GET / HTTP/1.1\r\nx-a: ');
    const sending = setInterval(() => socket.write('a'), 3_000);
    await expect(once(socket, 'close')).rejects.toThrow(/ECONNRESET|EPIPE/);
    clearInterval(sending);
  });
});

/** The decoded body of a chunked answer. */
async function* bodyOf(socket: Socket): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  let isHead = true;
  for await (const part of socket as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, part]);
    if (isHead) {
      const end = rest.indexOf('\r\n\r\n');
      if (end === -1) continue;
      rest = rest.subarray(end + 4);
      isHead = false;
    }
    for (let end = rest.indexOf('\r\n'); end !== -1; end = rest.indexOf('\r\n')) {
      const size = Number.parseInt(rest.toString('latin1', 0, end), 16);
      if (rest.length < end + 2 + size + 2) break;
      if (size > 0) yield rest.subarray(end + 2, end + 2 + size);
      rest = rest.subarray(end + 2 + size + 2);
    }
  }
}

/** Sends a little again and again, and never ends. */
function trickle(contentType: string, text: string): Responder {
  return (_, res) => {
    res.writeHead(200, { 'content-type': contentType });
    const timer = setInterval(() => res.write(text), IDLE_MS / 8);
    res.once('close', () => clearInterval(timer));
  };
}

function begin(contentType: string, text: string): Responder {
  return (_, res) => {
    res.writeHead(200, { 'content-type': contentType });
    res.write(text);
  };
}

describe('a provider that does not end', () => {
  const first = streamEvents(['Hello'], null)[0] ?? '';

  let impatient: TestProxy;
  beforeAll(async () => {
    impatient = await startTestProxy({
      upstreamUrl: upstream.url,
      environment: { PROXY_IDLE_TIMEOUT: `${IDLE_MS}ms`, PROXY_REQUEST_TIMEOUT: '2s' },
    });
  });
  afterAll(async () => {
    await impatient.stop();
  });

  /** A provider key that let a client down rests, so each test has one of its own. */
  beforeEach(async () => {
    upstream.respond(answerWith(completion()));
    await impatient.change('delete from identity.provider_keys');
    await impatient.addProviderKey();
  });

  it.each([
    ['goes silent', begin('text/event-stream', first), 'The provider stopped in the middle'],
    ['goes on for ever', trickle('text/event-stream', first), 'longer than a request may take'],
    [
      'sends comments for ever',
      trickle('text/event-stream', ': alive\n\n'),
      'longer than a request may take',
    ],
    ['sends one event for ever', trickle('text/event-stream', 'data: x'), 'longer than a request may take'],
  ])('ends with a time-out within the stream when it %s', async (_, responder, sentence) => {
    upstream.respond(responder);
    const answer = await impatient.post(PATH, { model: MODEL, messages, stream: true });
    const text = await answer.text();
    const last = text.split('\n\n').findLast((part) => part !== '') ?? '';
    expect(last).toMatch(/^event: error\ndata: /m);
    const problem = JSON.parse(last.slice(last.lastIndexOf('data: ') + 6)) as Record<string, unknown>;
    expect(problem).toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
    expect(problem['detail']).toContain(sentence);
    expect(await upstream.received[0]?.aborted).toBe(true);
    const [close] = await impatient.closes(answer);
    expect(close).toMatchObject({ status: 'TIMEOUT', error_code: 'UPSTREAM_TIMEOUT' });
  });

  it.each([
    ['goes silent', begin('application/json', '{"choices"')],
    ['goes on for ever', trickle('application/json', '          ')],
  ])('breaks the connection of an answer in one piece when it %s', async (_, responder) => {
    upstream.respond(responder);
    const answer = await impatient.post(PATH, { model: MODEL, messages });
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow();
    expect(await upstream.received[0]?.aborted).toBe(true);
    const [close] = await impatient.closes(answer);
    expect(close).toMatchObject({ status: 'TIMEOUT', error_code: 'UPSTREAM_TIMEOUT' });
  });
});
