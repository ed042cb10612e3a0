import { expect, it } from 'vitest';
import { untilHour } from './nightly-proof.ts';
import { isProven, type ProofLine } from './proof.ts';

const line = (kept: bigint): ProofLine => ({
  keptIn: 'billing.node_spend',
  requests: { logged: 1n, kept: 1n },
  tokens: { logged: 10n, kept: 10n },
  cost: { logged: 5n, kept },
});

it('is a proof only when every sum is what the log says', () => {
  expect(isProven([line(5n), line(5n)])).toBe(true);
  expect(isProven([line(5n), line(6n)])).toBe(false);
  expect(isProven([line(4n)])).toBe(false);
});

it('waits for the next time that the clock shows the hour', () => {
  const noon = Date.UTC(2026, 10, 21, 12);
  expect(untilHour(13, noon)).toBe(3_600_000);
  expect(untilHour(12, noon)).toBe(86_400_000);
  expect(untilHour(11, noon)).toBe(23 * 3_600_000);
});
