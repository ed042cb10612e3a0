import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';

/** A process as ours are: it says when it is ready, and then does what the test asks for. */
function program(afterReady: string): string {
  const module = (name: string) => JSON.stringify(new URL(`./${name}.ts`, import.meta.url).href);
  return `
    import { runMain } from ${module('config')};
    import { createLifecycle } from ${module('lifecycle')};
    import { createLogger } from ${module('logger')};
    await runMain(async () => {
      const log = createLogger({ service: 'test', level: 'info', buffered: true });
      const lifecycle = createLifecycle({ log, graceMs: 30_000 });
      lifecycle.onSignals();
      const timer = setInterval(() => undefined, 1_000);
      lifecycle.add({ name: 'timer', stop: () => clearInterval(timer) });
      process.stderr.write('ready\\n');
      ${afterReady}
    });`;
}

async function run(
  afterReady: string,
  onReady: (kill: (signal: NodeJS.Signals) => void) => void = () => undefined,
) {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program(afterReady)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stdout.on('data', (bytes: Buffer) => {
    log += bytes.toString();
  });
  createInterface(child.stderr).on('line', (line) => {
    if (line === 'ready') onReady((signal) => child.kill(signal));
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, messages: log.split('\n').filter(Boolean).map(messageOf) };
}

function messageOf(line: string): unknown {
  const parsed: unknown = JSON.parse(line);
  return typeof parsed === 'object' && parsed !== null && 'msg' in parsed ? parsed.msg : undefined;
}

describe('a process', () => {
  it('leaves with 0 on SIGTERM, its buffered log written to the last line', async () => {
    const { code, messages } = await run('', (kill) => {
      kill('SIGTERM');
    });
    expect({ code, messages }).toEqual({ code: 0, messages: ['stopping', 'stopped'] });
  });

  it('leaves with 1 on a second signal, however stuck it is', async () => {
    const stuck = `lifecycle.add({ name: 'stuck', stop: () => new Promise(() => process.stderr.write('ready\\n')) });`;
    const { code, messages } = await run(stuck, (kill) => {
      kill('SIGINT');
    });
    expect({ code, messages }).toEqual({ code: 1, messages: ['stopping', 'second signal: leaving at once'] });
  });

  it.each([`setTimeout(() => { throw new Error('boom'); })`, `void Promise.reject(new Error('boom'))`])(
    'leaves with 1 after %s, having said why',
    async (crash) => {
      const { code, messages } = await run(crash);
      expect({ code, messages }).toEqual({ code: 1, messages: ['broken promise: stopping'] });
    },
  );

  it('leaves with 1 when it cannot start', async () => {
    expect(await run(`throw new Error('no')`)).toMatchObject({ code: 1 });
  });
});
