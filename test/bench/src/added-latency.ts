import { Client } from 'undici';
import { single } from './load.ts';
import { chatBody, type Target } from './target.ts';

export interface AddedLatency {
  readonly name: string;
  /** Milliseconds over the direct connection at the same percentile. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly firstByteP50Ms: number;
}

/** So many requests of one target follow each other. */
const BLOCK = 20;
/** The first of them meet caches that the target before has filled, and what that one still does behind its answers. */
const BLOCK_WARM_UP = 5;

/**
 * One connection per target, one request at a time. Targets are asked in turn, block by block, so that drift of the machine
 * hits all alike, and each pays for its own aftermath and not for that of the one before.
 * @param options.rounds Counted requests per target.
 */
export async function addedLatency(
  targets: readonly Target[],
  options: { rounds: number; stream: boolean; chunks?: number },
): Promise<readonly AddedLatency[]> {
  const body = chatBody(options);
  const lanes = targets.map((target) => ({
    target,
    client: new Client(new URL(target.url).origin),
    total: [] as number[],
    first: [] as number[],
  }));
  for (let block = -2; block * BLOCK < options.rounds; block++) {
    for (const lane of lanes) {
      for (let index = -BLOCK_WARM_UP; index < BLOCK; index++) {
        const { totalUs, firstByteUs } = await single(lane.client, lane.target, body);
        if (block < 0 || index < 0) continue;
        lane.total.push(totalUs);
        lane.first.push(firstByteUs);
      }
    }
  }
  await Promise.all(lanes.map(({ client }) => client.close()));
  const [direct] = lanes;
  if (!direct) return [];
  return lanes.map((lane) => ({
    name: lane.target.name,
    p50Ms: (percentile(lane.total, 50) - percentile(direct.total, 50)) / 1_000,
    p99Ms: (percentile(lane.total, 99) - percentile(direct.total, 99)) / 1_000,
    firstByteP50Ms: (percentile(lane.first, 50) - percentile(direct.first, 50)) / 1_000,
  }));
}

export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN;
}
