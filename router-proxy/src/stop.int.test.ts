import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '@weir/service/config';
import { createLogger } from '@weir/service/logger';
import { configSchema } from './config.ts';
import { start } from './start.ts';
import { MODEL, startTestProxy, type TestProxy } from './test-proxy.ts';
import { startTestUpstream, streamEvents, type TestUpstream } from './test-upstream.ts';

const PATH = '/v1/chat/completions';
const body = { model: MODEL, messages: [{ role: 'user', content: 'Hello' }], stream: true };
const events = streamEvents(['Hello', ' there'], null);

let upstream: TestUpstream;
let proxy: TestProxy;

beforeAll(async () => {
  upstream = await startTestUpstream();
});

afterAll(async () => {
  await upstream.stop();
});

beforeEach(async () => {
  // Longer than a test may take: what waits for the grace to be over fails.
  proxy = await startTestProxy({ upstreamUrl: upstream.url, environment: { PROXY_GRACE: '120s' } });
});

afterEach(async () => {
  await proxy.stop();
});

describe('a proxy that is told to stop', () => {
  it('finishes running streams, refuses new requests, and says at the admin port that it is not ready', async () => {
    const { promise, resolve: finish } = Promise.withResolvers<void>();
    upstream.respond(async (_, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(events[0] ?? '');
      await promise;
      res.end(events.slice(1).join(''));
    });
    const running = await proxy.post(PATH, body);
    const stopped = proxy.running.stop();
    await expect.poll(async () => (await fetch(`${proxy.adminUrl}/readyz`)).status).toBe(503);
    const refused = await proxy.post(PATH, body);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('connection')).toBe('close');
    expect(await refused.json()).toMatchObject({ code: 'SHUTTING_DOWN' });
    finish();
    expect(await running.text()).toBe(events.join(''));
    await stopped;
    await expect(fetch(proxy.url)).rejects.toThrow();
  });

  it('ends what does not finish within the grace with an error event, and records it', async () => {
    upstream.respond((_, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(events[0] ?? '');
    });
    const hurried = await startTestProxy({ upstreamUrl: upstream.url, environment: { PROXY_GRACE: '1s' } });
    try {
      const running = await hurried.post(PATH, body);
      await hurried.running.stop();
      const text = await running.text();
      expect(text.startsWith(events[0] ?? '-')).toBe(true);
      expect(text).toContain('SHUTTING_DOWN');
      const [close] = await hurried.closes(running);
      expect(close).toMatchObject({
        status: 'ABORTED',
        error_code: 'SHUTTING_DOWN',
        metering_source: 'ESTIMATED',
      });
    } finally {
      await hurried.stop();
    }
  });

  it('is not held up by connections that do nothing', async () => {
    const idle = connect(Number(new URL(proxy.url).port), '127.0.0.1');
    const half = connect(Number(new URL(proxy.url).port), '127.0.0.1');
    await Promise.all([once(idle, 'connect'), once(half, 'connect')]);
    // Whether they end or are reset is the same to them.
    for (const socket of [idle, half]) socket.on('error', () => undefined);
    half.write('POST /v1/chat/completions HTTP/1.1\r\ncontent-le');
    await proxy.running.stop();
    await expect.poll(() => idle.closed && half.closed).toBe(true);
  });
});

describe('a second proxy with counters of its own', () => {
  it('refuses to start on the same database and says what two proxies need', async () => {
    const environment = { ...proxy.environment, WEIR_HOME: `${proxy.environment['WEIR_HOME'] ?? ''}/second` };
    const log = createLogger({ service: 'second', level: 'silent' });
    await expect(start(loadConfig(configSchema, environment), { log })).rejects.toThrow('REDIS_URL');
    await proxy.running.stop();
    const second = await start(loadConfig(configSchema, environment), { log });
    await second.stop();
  });

  it('takes nothing over from a proxy that lost the lock: that one serves nothing until it has it again', async () => {
    upstream.respond((_, res) => void res.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
    await proxy.db.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'weir-proxy-lock' and datname = current_database()`,
    );
    const status = async () => (await proxy.post(PATH, { ...body, stream: false })).status;
    await expect.poll(status).toBe(200);
    const readiness = async () => (await fetch(`${proxy.adminUrl}/readyz`)).status;
    await expect.poll(readiness).toBe(200);
  });
});
