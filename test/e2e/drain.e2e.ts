import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chat } from './src/inference.ts';
import { modes, startPlatform, type Platform } from './src/platform.ts';
import { until } from './src/until.ts';

const PROXY = 'router-proxy/src/main.ts';
const PROMPT = { prompt: 'Hello! #chunks=80 #delay=25', maxTokens: 200, stream: true };

describe.runIf(modes().includes('cluster'))('SIGTERM to one of two proxies', () => {
  let platform: Platform;
  beforeAll(async () => {
    platform = await startPlatform('cluster');
  });
  afterAll(async () => {
    await platform[Symbol.asyncDispose]();
  });

  const ask = (url: string, options = {}): Promise<Response> => chat(platform.access, { url, ...options });

  it('lets its running streams finish to the last byte, and sends new requests elsewhere', async () => {
    const urls = platform.access.inferenceUrls;
    const whole = await (await ask(urls[0] ?? '', PROMPT)).text();
    const running = await Promise.all(urls.map((url) => ask(url, PROMPT)));
    const [victim] = platform.processes(PROXY);
    if (!victim) throw new Error('no proxy runs');
    process.kill(victim.pid, 'SIGTERM');

    const draining = await until('a proxy that refuses', async () => {
      for (const url of urls) {
        const answer = await ask(url);
        const problem = (await answer.json()) as { readonly code?: string };
        if (answer.status !== 503) continue;
        expect(problem.code).toBe('SHUTTING_DOWN');
        expect(answer.headers.get('retry-after')).not.toBeNull();
        expect(answer.headers.get('connection')).toBe('close');
        return url;
      }
      return undefined;
    });
    for (const url of urls) {
      if (url !== draining) expect((await ask(url)).status).toBe(200);
    }
    for (const answer of running) expect(await answer.text()).toBe(whole);
    await until(
      'its end',
      () => platform.processes(PROXY).every(({ pid }) => pid !== victim.pid) || undefined,
    );
  });
});
