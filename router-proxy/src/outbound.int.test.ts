import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MODEL, PROVIDER_SECRET, startTestProxy, type TestProxy } from './test-proxy.ts';
import { startTestUpstream, type TestUpstream } from './test-upstream.ts';

const PATH = '/v1/chat/completions';
const body = { model: MODEL, messages: [{ role: 'user', content: 'Hello' }] };

let upstream: TestUpstream;
let proxy: TestProxy;

beforeAll(async () => {
  upstream = await startTestUpstream();
  proxy = await startTestProxy({ upstreamUrl: upstream.url, environment: { WEIR_PRIVATE_PROVIDERS: '' } });
});
afterAll(async () => {
  await proxy.stop();
  await upstream.stop();
});

describe('a provider key whose base URL leads into the operator’s network', () => {
  it.each(['127.0.0.1', 'localhost', '[::1]', '2130706433'])(
    'is never called at %s, and the client learns nothing of it',
    async (host) => {
      const { port } = new URL(upstream.url);
      const model = `gpt-${host}`;
      await proxy.addModel(model);
      await proxy.change('update identity.provider_keys set base_url = $1', [`http://${host}:${port}/v1`]);
      const answer = await proxy.post(PATH, { ...body, model });
      const text = await answer.text();
      expect([answer.status, JSON.parse(text)]).toMatchObject([502, { code: 'UPSTREAM_ERROR' }]);
      for (const internal of [host, port, PROVIDER_SECRET, 'private', 'WEIR_']) {
        expect(text.replaceAll(model, '')).not.toContain(internal);
      }
      expect(upstream.received).toEqual([]);
    },
  );
});
