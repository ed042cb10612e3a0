import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chat } from './src/inference.ts';
import { modes, startPlatform, type Platform } from './src/platform.ts';
import { until } from './src/until.ts';

const PROXY = 'router-proxy/src/main.ts';
/** Streams that still run when the refusal of the one that drains is seen, and end within its grace of five seconds. */
const PROMPT = { prompt: 'Hello! #chunks=100 #delay=25', maxTokens: 200, stream: true };

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
    const texts = await Promise.all(running.map((answer) => answer.text()));
    expect(texts[0]).toContain('[DONE]');
    expect(new Set(texts).size).toBe(1);
    await until(
      'its end',
      () => platform.processes(PROXY).every(({ pid }) => pid !== victim.pid) || undefined,
    );
  });
});
