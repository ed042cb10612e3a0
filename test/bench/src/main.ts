/**
 * `npm run bench`: the same load, from this process, on every target in turn, in interleaved rounds, so that a noisy
 * machine disturbs all alike. Prints throughput, added latency, stream equality, memory and the ratios that
 * matter, and at the end how many attempts the ledgers lost or counted twice.
 */
import { addedLatency, percentile } from './added-latency.ts';
import { argument } from './argument.ts';
import { load, type LoadResult } from './load.ts';
import { streamsEqualDirect } from './streaming.ts';
import { printTable } from './table.ts';
import type { Target } from './target.ts';
import { bareTarget, directTarget, portkeyTarget, startProvider } from './targets.ts';
import { embeddedTarget, redisTarget } from './weir-targets.ts';

const seconds = Number(argument('seconds', '3'));
const rounds = Number(argument('rounds', '5'));
const connections = Number(argument('connections', '32'));
const singles = Number(argument('singles', '400'));

const provider = await startProvider();
const direct = directTarget(provider);
const targets: Target[] = [direct];

async function throughput(stream: boolean): Promise<Map<string, LoadResult[]>> {
  const results = new Map<string, LoadResult[]>(targets.map(({ name }) => [name, []]));
  for (const target of targets) await load(target, { connections, seconds: 1, stream });
  for (let round = 0; round < rounds; round++) {
    for (const target of targets) {
      results.get(target.name)?.push(await load(target, { connections, seconds, stream }));
    }
  }
  return results;
}

function medianRate(results: readonly LoadResult[]): number {
  return percentile(
    results.map(({ requests, seconds: taken }) => requests / taken),
    50,
  );
}

/** The median of the per-round ratios: both sides of each ratio ran within seconds of each other. */
function medianRatio(results: Map<string, LoadResult[]>, name: string, rival: string): string {
  const ours = results.get(name) ?? [];
  const theirs = results.get(rival) ?? [];
  const ratios = ours.map(({ requests, seconds: taken }, round) => {
    const other = theirs[round];
    return other ? requests / taken / (other.requests / other.seconds) : Number.NaN;
  });
  return percentile(ratios, 50).toFixed(2);
}

try {
  for (const start of [bareTarget, portkeyTarget, embeddedTarget, redisTarget]) {
    targets.push(await start(provider));
  }
  for (const stream of [false, true]) {
    const results = await throughput(stream);
    const rows = await Promise.all(
      targets.map(async ({ name, memoryMiB }) => {
        const own = results.get(name) ?? [];
        const latencies = own.flatMap((result) => result.latencies);
        return [
          name,
          medianRate(own).toFixed(0),
          medianRatio(results, name, 'bare Fastify + undici'),
          medianRatio(results, name, 'Portkey gateway'),
          (percentile(latencies, 50) / 1_000).toFixed(2),
          (percentile(latencies, 99) / 1_000).toFixed(2),
          String(own.reduce((sum, { failures }) => sum + failures, 0)),
          (await memoryMiB())?.toFixed(0) ?? '',
        ];
      }),
    );
    printTable(
      `Throughput, ${stream ? 'streamed' : 'not streamed'}: ${connections} connections, ${rounds} rounds of ${seconds} s, medians`,
      ['target', 'req/s', '÷ bare', '÷ Portkey', 'p50 ms', 'p99 ms', 'failed', 'MiB'],
      rows,
    );
  }

  for (const stream of [false, true]) {
    const added = await addedLatency(targets, {
      rounds: singles,
      stream,
      ...(stream ? { chunks: 100 } : {}),
    });
    printTable(
      `Added over direct, one connection, ${stream ? 'streamed in 100 chunks' : 'not streamed'}, ${singles} rounds`,
      ['target', 'p50 ms', 'p99 ms', 'first byte p50 ms'],
      added.map(({ name, p50Ms, p99Ms, firstByteP50Ms }) => [
        name,
        p50Ms.toFixed(2),
        p99Ms.toFixed(2),
        firstByteP50Ms.toFixed(2),
      ]),
    );
  }

  const differing = await streamsEqualDirect(direct, targets.slice(1), 20);
  printTable(
    'Streams of 100 chunks whose bytes differ from the direct connection, of 20',
    ['target', 'differ'],
    [...differing].map(([name, count]) => [name, String(count)]),
  );

  const proofs: string[][] = [];
  for (const { name, proof } of targets) {
    if (!proof) continue;
    const { closed, lost, double } = await proof();
    proofs.push([name, String(closed), String(lost), String(double)]);
    if (lost + double > 0) process.exitCode = 1;
  }
  printTable('Ledger against the provider’s own count', ['target', 'attempts', 'lost', 'double'], proofs);
} finally {
  for (const target of targets) await target.stop();
  await provider.stop();
}
