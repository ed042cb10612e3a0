/** The same load on every target in turn, in interleaved rounds, so that a noisy machine disturbs all alike. */
import { addedLatency, percentile } from './added-latency.ts';
import { load, type LoadResult } from './load.ts';
import { streamsEqualDirect } from './streaming.ts';
import { printTable } from './table.ts';
import type { Target } from './target.ts';

export interface CompareOptions {
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: number;
  /** Requests on one connection, one after the other, per target. */
  readonly singles: number;
}

type Results = ReadonlyMap<string, LoadResult[]>;

async function throughput(
  targets: readonly Target[],
  { rounds, seconds, connections }: CompareOptions,
  stream: boolean,
): Promise<Results> {
  const results = new Map<string, LoadResult[]>(targets.map(({ name }) => [name, []]));
  // A process that has just started is several times slower.
  for (const target of targets) await load(target, { connections, seconds: 2 * seconds, stream });
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
function medianRatio(results: Results, name: string, rival: string): string {
  const ours = results.get(name) ?? [];
  const theirs = results.get(rival) ?? [];
  const ratios = ours.map(({ requests, seconds: taken }, round) => {
    const other = theirs[round];
    return other ? requests / taken / (other.requests / other.seconds) : Number.NaN;
  });
  return percentile(ratios, 50).toFixed(2);
}

async function printThroughput(
  targets: readonly Target[],
  options: CompareOptions,
  stream: boolean,
): Promise<void> {
  const results = await throughput(targets, options, stream);
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
  const { connections, rounds, seconds } = options;
  printTable(
    `Throughput, ${stream ? 'streamed' : 'not streamed'}: ${connections} connections, ${rounds} rounds of ${seconds} s, medians`,
    ['target', 'req/s', '÷ bare', '÷ Portkey', 'p50 ms', 'p99 ms', 'failed', 'MiB'],
    rows,
  );
}

async function printAddedLatency(
  targets: readonly Target[],
  { singles }: CompareOptions,
  stream: boolean,
): Promise<void> {
  const added = await addedLatency(targets, { rounds: singles, stream, ...(stream ? { chunks: 100 } : {}) });
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

/** Prints throughput, added latency, stream equality and the ratios that matter. */
export async function compare(targets: readonly Target[], options: CompareOptions): Promise<void> {
  const [direct] = targets;
  if (!direct) return;
  for (const stream of [false, true]) await printThroughput(targets, options, stream);
  for (const stream of [false, true]) await printAddedLatency(targets, options, stream);
  const differing = await streamsEqualDirect(direct, targets.slice(1), 20);
  printTable(
    'Streams of 100 chunks whose bytes differ from the direct connection, of 20',
    ['target', 'differ'],
    [...differing].map(([name, count]) => [name, String(count)]),
  );
}
