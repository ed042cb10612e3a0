/**
 * `npm run bench`: Weir beside a direct connection, a bare pass-through and a rival. Three ways to look:
 *
 * - `npm run bench`: throughput, added latency, stream equality and the ratios that matter
 * - `npm run bench -- cpu`: what a request costs in every process
 * - `npm run bench -- soak`: many requests through one Weir: memory, and what the ledger lost or doubled
 *
 * Each ends with the proof of the ledgers, and with an error when an attempt was lost or counted twice.
 */
import { argument, modeOf } from './argument.ts';
import { compare } from './compare.ts';
import { printCpu } from './cpu.ts';
import { soak } from './soak.ts';
import { printTable } from './table.ts';
import type { Target } from './target.ts';
import { bareTarget, directTarget, portkeyTarget, startProvider, type Provider } from './targets.ts';
import { embeddedTarget, redisTarget, type Weir } from './weir-targets.ts';

const number = (name: string, fallback: number): number => Number(argument(name, String(fallback)));
const connections = number('connections', 32);
const weirs = { embedded: embeddedTarget, redis: redisTarget };

async function startAll(starters: readonly ((provider: Provider) => Promise<Target>)[]): Promise<void> {
  for (const start of starters) targets.push(await start(provider));
}

async function soakOne(): Promise<void> {
  const store = argument('store', 'embedded');
  if (store !== 'embedded' && store !== 'redis') throw new Error('--store is embedded or redis');
  const weir: Weir = await weirs[store](provider);
  targets.push(weir);
  const requestsMax = number('requests', 1_000_000);
  await soak(weir, { requestsMax, secondsMax: number('seconds', 1_800), connections, points: 20 });
}

const modes = {
  async compare() {
    targets.push(directTarget(provider));
    await startAll([bareTarget, portkeyTarget, embeddedTarget, redisTarget]);
    const [rounds, seconds, singles] = [number('rounds', 5), number('seconds', 3), number('singles', 400)];
    await compare(targets, { rounds, seconds, singles, connections });
  },
  async cpu() {
    await startAll([bareTarget, embeddedTarget, redisTarget]);
    await printCpu(targets, provider, {
      rounds: number('rounds', 4),
      seconds: number('seconds', 2),
      connections,
      stream: argument('stream', 'no') === 'yes',
      warmUpRequests: number('warm-up', 8_000),
    });
  },
  soak: soakOne,
};

async function printProofs(): Promise<void> {
  const proofs: string[][] = [];
  for (const { name, proof } of targets) {
    if (!proof) continue;
    const { closed, lost, double } = await proof();
    proofs.push([name, String(closed), String(lost), String(double)]);
    if (lost + double > 0) process.exitCode = 1;
  }
  printTable('What the ledger says', ['target', 'attempts', 'lost', 'double'], proofs);
}

const provider = await startProvider();
const targets: Target[] = [];
try {
  await modes[modeOf(modes, 'compare')]();
  await printProofs();
} finally {
  for (const target of targets) await target.stop();
  await provider.stop();
}
