import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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

let upstream: TestUpstream;
let proxy: TestProxy;
let draining: string;

beforeAll(async () => {
  upstream = await startTestUpstream();
  proxy = await startTestProxy({ upstreamUrl: upstream.url });
  draining = await proxy.addApiKey({ disconnect_policy: 'DRAIN' });
});

afterAll(async () => {
  await proxy.stop();
  await upstream.stop();
});

/** A stream that goes on when the test says so. */
function stream(): { readonly responder: Responder; finish(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const events = streamEvents(['Hello', ' there'], usage);
  return {
    finish: resolve,
    async responder(_, res) {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(events.slice(0, 2).join(''));
      await promise;
      res.end(events.slice(2).join(''));
    },
  };
}

/** Reads the first bytes of a streamed answer and then hangs up. */
async function hangUpAfterFirstBytes(apiKey: string): Promise<Response> {
  const abort = new AbortController();
  const response = await proxy.post(
    PATH,
    { model: MODEL, messages, stream: true },
    { apiKey, signal: abort.signal },
  );
  await response.body?.getReader().read();
  abort.abort();
  return response;
}

describe('a client that leaves in the middle of a stream', () => {
  it('under ABORT ends the provider request, and pays for the input and what it saw', async () => {
    const { responder, finish } = stream();
    upstream.respond(responder);
    const response = await hangUpAfterFirstBytes(proxy.apiKey);
    expect(await upstream.received[0]?.aborted).toBe(true);
    const [close] = await proxy.closes(response);
    expect(close).toMatchObject({ status: 'ABORTED', metering_source: 'ESTIMATED', disconnected: true });
    expect(Number(close?.['input_tokens'])).toBeGreaterThan(0);
    // 'Hello there'
    expect(close?.['output_tokens']).toBe('2');
    finish();
  });

  it('under DRAIN lets the provider finish, and pays what it reports', async () => {
    const { responder, finish } = stream();
    upstream.respond(responder);
    const response = await hangUpAfterFirstBytes(draining);
    await roundTrips();
    finish();
    const [close] = await proxy.closes(response);
    expect(close).toMatchObject({ metering_source: 'DRAINED', disconnected: true, cost: '33000' });
    expect(await upstream.received[0]?.aborted).toBe(false);
  });
});

describe('a client that leaves before the answer', () => {
  it('ends the provider request, pays the input, and is not failed over', async () => {
    upstream.respond(() => undefined);
    const abort = new AbortController();
    const pending = proxy.post(PATH, { model: MODEL, messages }, { signal: abort.signal });
    await expect.poll(() => upstream.received.length).toBe(1);
    abort.abort();
    await expect(pending).rejects.toThrow();
    expect(await upstream.received[0]?.aborted).toBe(true);
    const rows = await expectOneClose(String(upstream.received[0]?.headers['x-client-request-id']));
    expect(rows).toMatchObject({ status: 'ABORTED', metering_source: 'ESTIMATED', output_tokens: '0' });
    expect(upstream.received).toHaveLength(1);
  });

  it('and asks again under the same name is not billed twice', async () => {
    upstream.respond(() => undefined);
    const headers = { 'idempotency-key': 'impatient' };
    const abort = new AbortController();
    const pending = proxy.post(PATH, { model: MODEL, messages }, { headers, signal: abort.signal });
    await expect.poll(() => upstream.received.length).toBe(1);
    abort.abort();
    await expect(pending).rejects.toThrow();
    const [first] = upstream.received;
    upstream.respond(answerWith(completion()));
    expect(await expectOneClose(String(first?.headers['x-client-request-id']))).not.toMatchObject({
      cost: '0',
    });
    const again = await proxy.post(PATH, { model: MODEL, messages }, { headers });
    expect(again.status).toBe(409);
    expect(await again.json()).toMatchObject({ code: 'DUPLICATE_REQUEST' });
    expect(upstream.received).toEqual([]);
  });
});

describe('a key that is revoked', () => {
  it('loses its running streams with an error event, is refused from then on, and is billed what passed', async () => {
    const key = await proxy.addApiKey();
    const { responder, finish } = stream();
    upstream.respond(responder);
    const response = await proxy.post(PATH, { model: MODEL, messages, stream: true }, { apiKey: key });
    const bystander = await proxy.post(PATH, { model: MODEL, messages, stream: true });
    await proxy.changeUnheard(
      `update identity.api_keys set status = 'REVOKED', revoked_at = now() where key_hash = $1`,
      [createHash('sha256').update(key).digest()],
    );
    const text = await response.text();
    expect(text).toContain('event: error');
    expect(text).toContain('API_KEY_REVOKED');
    const [close] = await proxy.closes(response);
    expect(close).toMatchObject({
      status: 'ABORTED',
      error_code: 'API_KEY_REVOKED',
      metering_source: 'ESTIMATED',
    });
    const refused = await proxy.post(PATH, { model: MODEL, messages }, { apiKey: key });
    expect(await refused.json()).toMatchObject({ code: 'API_KEY_REVOKED' });
    finish();
    expect(await bystander.text()).toContain('[DONE]');
  });
});

/** What the proxy was told before these questions it has noticed when they are answered. */
async function roundTrips(): Promise<void> {
  for (let count = 0; count < 3; count++) {
    await (await fetch(`${proxy.url}/v1/models`, { headers: { 'x-api-key': proxy.apiKey } })).text();
  }
}

async function expectOneClose(attemptId: string): Promise<Readonly<Record<string, unknown>>> {
  const closes = async () => {
    const { rows } = await proxy.db.query<Readonly<Record<string, unknown>>>(
      `select * from ledger.attempt_log where attempt_id = $1 and class = 'close'`,
      [attemptId],
    );
    return rows;
  };
  await expect.poll(async () => (await closes()).length).toBe(1);
  return (await closes())[0] ?? {};
}
