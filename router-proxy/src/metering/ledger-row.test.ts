import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AttemptRecord } from '@weir/contracts/attempt-record';
import { newUuid } from '@weir/kernel/ids';
import { toRowParts } from './ledger-row.ts';
import { aClose, anIntent, anOwner } from './test-attempts.ts';

/** The elements of an array of composites whose texts hold nothing special. */
const elementsOf = (literal: string): string[] =>
  literal === '{}' ? [] : literal.slice('{"('.length, -')"}'.length).split(')","(');

/** The shared part and the rest of each row, as places say. */
function rowsIn(records: readonly AttemptRecord[]): (readonly [string | undefined, string])[] {
  const parts = toRowParts(records);
  const shared = elementsOf(parts.shared);
  return elementsOf(parts.own).map((own) => {
    const [place, ...rest] = own.split(',');
    return [shared[Number(place) - 1], rest.join(',')];
  });
}

const MIDNIGHT_MS = Date.UTC(2026, 0, 2);
const policies = [anOwner(), anOwner(), anOwner()].map((owner) => anIntent(owner));

const batches: fc.Arbitrary<readonly AttemptRecord[]> = fc.array(
  fc
    .record({
      policy: fc.constantFrom(...policies),
      changes: fc.record(
        {
          modelRequested: fc.constantFrom('a', 'b'),
          priceId: fc.constantFrom('p', null),
          stream: fc.boolean(),
          businessDate: fc.constantFrom('2026-01-01', '2026-01-02'),
        },
        { requiredKeys: [] },
      ),
      admittedAtMs: fc.integer({ min: MIDNIGHT_MS - 2, max: MIDNIGHT_MS + 1 }),
      isIntent: fc.boolean(),
    })
    .map(({ policy, changes, admittedAtMs, isIntent }) => {
      const intent = { ...policy, ...changes, admittedAtMs, attemptId: newUuid(admittedAtMs) };
      return isIntent ? intent : aClose(intent);
    }),
);

describe('the rows of a batch', () => {
  it('have the parts that each would have alone, whatever is beside it', () => {
    fc.assert(
      fc.property(batches, (batch) => {
        expect(rowsIn(batch)).toEqual(batch.flatMap((record) => rowsIn([record])));
      }),
    );
  });

  it('share one part where nothing in it differs, in whatever order they come', () => {
    const [one, other] = policies;
    if (!one || !other) throw new Error('there are three');
    const alone = elementsOf(toRowParts([one, other]).shared);
    const { shared, own } = toRowParts([one, aClose(other), one, aClose(one), other]);
    expect(elementsOf(shared)).toEqual(alone);
    expect(elementsOf(own).map((row) => row.split(',')[0])).toEqual(['1', '2', '1', '1', '2']);
  });
});
