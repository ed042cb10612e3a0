import type { HoldingSeed, Seed } from '../contract.ts';
import { toAmount } from '../amount.ts';
import { CLOSED_MEMORY_MS, UNPLACED_MS } from '../seeding.ts';
import { slotOf } from '../window-math.ts';
import type { CallContext } from './keys.ts';
import { METRIC_CODES } from './shape.ts';

/** KEYS and ARGV of `seed.lua`. Slots are numbered from 1 there; amounts travel as text. */
export function encodeSeed(
  { keys, now, seedQuarantineMs, newEpoch }: CallContext,
  seed: Seed,
): { keys: string[]; args: (string | number)[] } {
  const windows = seed.windows.map(({ window, current, previous }) => [
    window.subject,
    slotOf(window.metric, window.window) + 1,
    current,
    previous,
  ]);
  const args = [
    now,
    keys.base,
    newEpoch,
    seed.epoch,
    seedQuarantineMs,
    seed.day.startMs,
    seed.day.endMs,
    seed.asOfMs ?? '',
    seed.leaseMs,
  ];
  args.push(
    UNPLACED_MS,
    CLOSED_MEMORY_MS,
    JSON.stringify(windows),
    JSON.stringify(seed.holdings.map(toEntry)),
  );
  return { keys: [keys.epoch, keys.leases], args };
}

function toEntry(holding: HoldingSeed): unknown[] {
  const open = holding.open.map(({ attemptId, held, evidence }) => [
    attemptId,
    String(toAmount(held, 'held')),
    evidence,
  ]);
  const committed = String(toAmount(holding.committed, 'committed'));
  return [holding.counter, METRIC_CODES[holding.metric], committed, open, holding.closed ?? false];
}
