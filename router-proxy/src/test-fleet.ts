import { startTestProxy, type TestProxy, type TestProxyOptions } from './test-proxy.ts';

/** Several proxies on one database and one Redis. */
export interface TestFleet {
  /** The first of them, and what seeds and reads their database. */
  readonly first: TestProxy;
  readonly urls: readonly string[];
  /** Resolves when nothing that was served is still to be recorded or settled. */
  quiet(): Promise<void>;
  stop(): Promise<void>;
}

const LIVE = /^weir_metering_live_attempts\{.*\} (\d+)$/m;
const DEADLINE_MS = 20_000;

export async function startTestFleet(
  options: TestProxyOptions & { readonly redisUrl: string; readonly proxies: number },
): Promise<TestFleet> {
  const first = await startTestProxy(options);
  const further = await Promise.all(Array.from({ length: options.proxies - 1 }, () => first.startAnother()));
  const all = [first.running, ...further];
  return {
    first,
    urls: all.map(({ ports }) => `http://127.0.0.1:${ports.http}`),
    async quiet() {
      const untilMs = performance.now() + DEADLINE_MS;
      for (const { ports } of all) {
        for (;;) {
          const metrics = await (await fetch(`http://127.0.0.1:${ports.admin}/metrics`)).text();
          if (LIVE.exec(metrics)?.[1] === '0') break;
          if (performance.now() > untilMs) throw new Error('attempts stay live');
        }
      }
    },
    async stop() {
      await Promise.all(further.map((running) => running.stop()));
      await first.stop();
    },
  };
}
