import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { COMMON_HEADERS } from './test-header-names.ts';
import { MODEL, PROVIDER_SECRET, startTestProxy, type TestProxy } from './test-proxy.ts';
import { exchangeRaw, type RawResponse } from './test-raw-http.ts';
import { startRawUpstream, type RawUpstream } from './test-raw-upstream.ts';
import { completion } from './test-upstream.ts';

const CANARY = 'canary-7f3a';
const DEADLINE_MS = 30_000;

/** What passes, by name; a header more or less on either list is a decision, not an accident. */
const UP = {
  '/v1/chat/completions': ['accept', 'openai-beta'],
  '/v1/inference': ['accept', 'openai-beta'],
  '/v1/messages': ['accept', 'anthropic-beta', 'anthropic-version'],
} as const;
const DOWN = ['content-language', 'content-type', 'openai-model', 'openai-processing-ms', 'openai-version'];

let upstream: RawUpstream;
let proxy: TestProxy;

beforeAll(async () => {
  upstream = await startRawUpstream();
  proxy = await startTestProxy({ upstreamUrl: upstream.url });
  // Messages go to a key of Anthropic's kind, on a Level of its own, chats to one of OpenAI's.
  await proxy.addModel('claude');
  await proxy.change(
    `update identity.accounts set level_mapper = '[{"pattern":"claude","level":2}]' where id = $1`,
    [proxy.tenant.teamId],
  );
});

afterAll(async () => {
  await proxy.stop();
  await upstream.stop();
});

interface Crossing {
  /** The head of what the provider was sent. */
  readonly sent: string;
  readonly received: RawResponse;
}

/** The media type has to be one, or the request is refused for it. */
const lines = (names: readonly string[]): string =>
  names.map((name) => `${name}: ${name === 'content-type' ? 'text/' : ''}${CANARY}-${name}\r\n`).join('');

/** One call with a canary in every header, answered by the provider likewise. */
async function cross(path: keyof typeof UP, status: string, body: string): Promise<Crossing> {
  let sent = '';
  upstream.respond((socket, request) => {
    sent = request.toString('latin1', 0, request.indexOf('\r\n\r\n'));
    socket.write(
      `HTTP/1.1 ${status}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${lines(COMMON_HEADERS)}\r\n${body}`,
    );
  });
  const call = JSON.stringify({
    model: path === '/v1/messages' ? 'claude' : MODEL,
    max_tokens: 64,
    messages: [{ role: 'user', content: 'Hello' }],
  });
  // Our own key is asked for in the first of the two headers, so that the other can carry a canary.
  const own = COMMON_HEADERS.filter((name) => name !== 'x-api-key');
  const request =
    `POST ${path} HTTP/1.1\r\nhost: ${CANARY}-host\r\nconnection: close\r\nx-api-key: ${proxy.apiKey}\r\n` +
    `content-length: ${Buffer.byteLength(call)}\r\n${lines(own)}\r\n${call}`;
  const { responses, isCut } = await exchangeRaw({
    port: Number(new URL(proxy.url).port),
    chunks: [Buffer.from(request)],
    quietMs: null,
    deadlineMs: DEADLINE_MS,
  });
  const [received] = responses;
  if (!received || isCut) throw new Error('no whole answer');
  return { sent, received };
}

/** The names of headers that carry a canary, each its own. */
function canariesIn(headers: Iterable<readonly [string, string]>): string[] {
  const found = [...headers].filter(([, value]) => value.includes(CANARY));
  for (const [name, value] of found) expect(value.endsWith(`${CANARY}-${name}`)).toBe(true);
  return found.map(([name]) => name).sort();
}

function headersOf(head: string): [string, string][] {
  return head
    .split('\r\n')
    .slice(1)
    .map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
}

describe.each(Object.entries(UP))('over %s', (path, up) => {
  const isPath = (text: string): text is keyof typeof UP => text in UP;
  if (!isPath(path)) throw new Error('no path');

  /** A key whose provider failed rests, so each test has keys of its own. */
  beforeEach(async () => {
    await proxy.change('delete from identity.provider_keys');
    await proxy.addProviderKey({ level: 1 });
    await proxy.addProviderKey({ provider: 'anthropic', level: 2 });
  });

  it('exactly the listed headers reach the provider, with its own credential and no other', async () => {
    const { sent } = await cross(path, '200 OK', completion());
    expect(canariesIn(headersOf(sent))).toEqual([...up]);
    expect(sent.split(PROVIDER_SECRET)).toHaveLength(2);
    expect(sent).not.toContain(proxy.apiKey);
  });

  it.each(['200 OK', '201 Created', '400 Bad Request', '404 Not Found', '422 Unprocessable Content'])(
    'exactly the listed headers of a provider that answers %s reach the client',
    async (status) => {
      const { received } = await cross(path, status, completion());
      expect(received.status).toBe(Number(status.slice(0, 3)));
      expect(canariesIn(received.headers)).toEqual(DOWN);
    },
  );

  it.each([
    ['401 Unauthorized', 503],
    ['403 Forbidden', 502],
    ['429 Too Many Requests', 503],
    ['500 Internal Server Error', 502],
    ['302 Found', 502],
  ])('nothing of a provider that fails with %s reaches the client, who is told %d', async (status, told) => {
    const { received, sent } = await cross(path, status, `${CANARY}-body`);
    expect(sent).not.toBe('');
    expect(received.status).toBe(told);
    expect(canariesIn(received.headers)).toEqual([]);
    expect(received.body.toString()).not.toContain(CANARY);
  });
});
