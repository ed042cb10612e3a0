import { join } from 'node:path';
import { forkReady, freePort, residentMiB, spawnUntil, stopChild } from './child-process.ts';
import type { Target } from './target.ts';

const here = import.meta.dirname;
const root = join(here, '../../..');

export interface Provider {
  readonly url: string;
  readonly apiKey: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** The demo provider in a process of its own: the same upstream for every target. */
export async function startProvider(): Promise<Provider> {
  const port = await freePort();
  const apiKey = 'sk-demo-bench';
  const child = await spawnUntil(
    process.execPath,
    [join(root, 'packages/demo-provider/src/main.ts'), '--port', String(port), '--api-key', apiKey],
    '"url"',
    {},
  );
  return { url: `http://127.0.0.1:${port}`, apiKey, pid: child.pid ?? 0, stop: () => stopChild(child) };
}

export function directTarget(provider: Provider): Target {
  return {
    name: 'direct',
    url: `${provider.url}/v1`,
    headers: { authorization: `Bearer ${provider.apiKey}` },
    memoryMiB: async () => undefined,
    roles: async () => [],
    stop: async () => undefined,
  };
}

export async function bareTarget(provider: Provider): Promise<Target> {
  const port = await freePort();
  const child = await forkReady(join(here, 'bare-pass-through.ts'), [
    `--port=${port}`,
    `--upstream=${provider.url}/v1`,
  ]);
  return {
    name: 'bare Fastify + undici',
    url: `http://127.0.0.1:${port}/v1`,
    headers: { authorization: `Bearer ${provider.apiKey}` },
    memoryMiB: async () => residentMiB(child.pid),
    roles: async () => [['pass-through', [child.pid ?? 0]]],
    stop: () => stopChild(child),
  };
}

export async function portkeyTarget(provider: Provider): Promise<Target> {
  const port = await freePort();
  const script = join(here, '../node_modules/@portkey-ai/gateway/build/start-server.js');
  const child = await spawnUntil(process.execPath, [script, `--port=${port}`, '--headless'], 'http', {
    NODE_ENV: 'production',
  });
  return {
    name: 'Portkey gateway',
    url: `http://127.0.0.1:${port}/v1`,
    headers: {
      authorization: `Bearer ${provider.apiKey}`,
      'x-portkey-provider': 'openai',
      'x-portkey-custom-host': `${provider.url}/v1`,
    },
    memoryMiB: async () => residentMiB(child.pid),
    roles: async () => [['Portkey', [child.pid ?? 0]]],
    stop: () => stopChild(child),
  };
}
