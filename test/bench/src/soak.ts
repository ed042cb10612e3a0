import { load } from './load.ts';
import { printTable } from './table.ts';
import type { Weir } from './weir-targets.ts';

export interface SoakOptions {
  readonly requestsMax: number;
  readonly secondsMax: number;
  readonly connections: number;
  /** How often the memory is read. */
  readonly points: number;
}

interface Point {
  readonly requests: number;
  readonly seconds: number;
  readonly residentMiB: number;
  readonly heapUsedMiB: number;
}

const STEP_SECONDS = 2;
const MIB = 1_048_576;

/**
 * Keeps one Weir busy for a number of requests or a time, whichever comes first, and prints what its proxy's memory does.
 * Every other stretch is streamed. The slope is that of the second half, because a process grows until it has compiled
 * and cached what it needs.
 */
export async function soak(weir: Weir, options: SoakOptions): Promise<void> {
  const { requestsMax, secondsMax, connections, points: wanted } = options;
  const startedAt = performance.now();
  const elapsed = (): number => (performance.now() - startedAt) / 1_000;
  const points: Point[] = [];
  let requests = 0;
  let failures = 0;
  for (let turn = 0; requests < requestsMax && elapsed() < secondsMax; turn++) {
    const step = await load(weir, {
      connections,
      seconds: STEP_SECONDS,
      stream: turn % 2 === 1,
      requestsMax: requestsMax - requests,
    });
    requests += step.requests;
    failures += step.failures;
    const progress = Math.max(requests / requestsMax, elapsed() / secondsMax);
    if (progress * wanted >= points.length + 1) points.push(await read(weir, requests, elapsed()));
  }
  printTable(
    `${weir.name}: ${requests} requests on ${connections} connections in ${elapsed().toFixed(0)} s, ${failures} failed`,
    ['seconds', 'requests', 'resident MiB', 'heap used MiB'],
    points.map((point) => [
      point.seconds.toFixed(0),
      String(point.requests),
      point.residentMiB.toFixed(0),
      point.heapUsedMiB.toFixed(0),
    ]),
  );
  const late = points.slice(Math.floor(points.length / 2));
  const slope = slopeOf(late.map((point) => [point.requests / 100_000, point.residentMiB]));
  printTable(
    'Memory of the proxy',
    ['', 'MiB'],
    [
      ['highest', Math.max(...points.map(({ residentMiB }) => residentMiB)).toFixed(0)],
      ['slope of the second half, per 100,000 requests', slope.toFixed(2)],
    ],
  );
  const { closed } = (await weir.proof?.()) ?? { closed: 0 };
  if (closed !== requests) throw new Error(`${requests} requests are ${closed} attempts in the ledger`);
}

async function read(weir: Weir, requests: number, seconds: number): Promise<Point> {
  const residentMiB = (await weir.memoryMiB()) ?? Number.NaN;
  const text = await (await fetch(weir.proxyMetricsUrl)).text();
  const heapBytes = /^nodejs_heap_size_used_bytes(?:\{[^}]*\})? (\S+)$/m.exec(text)?.[1];
  return { requests, seconds, residentMiB, heapUsedMiB: Number(heapBytes) / MIB };
}

/** Of the straight line with the least squares. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (of: (point: readonly [number, number]) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [meanX, meanY] = [mean(([x]) => x), mean(([, y]) => y)];
  const rise = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return rise / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}
