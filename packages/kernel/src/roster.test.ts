import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Roster } from './roster.ts';

const steps = fc.array(fc.record({ index: fc.nat(7), isAdded: fc.boolean() }), { maxLength: 60 });

describe('a roster', () => {
  it('holds what a set would hold, whatever comes and goes, and however often', () => {
    fc.assert(
      fc.property(steps, (moves) => {
        const all = Array.from({ length: 8 }, (_, index) => ({ index, place: 0 }));
        const roster = new Roster<(typeof all)[number]>();
        const set = new Set<(typeof all)[number]>();
        for (const { index, isAdded } of moves) {
          const member = all[index] ?? { index, place: 0 };
          if (isAdded) {
            roster.add(member);
            set.add(member);
          } else {
            roster.delete(member);
            set.delete(member);
          }
          expect(roster.size).toBe(set.size);
          expect(new Set(roster)).toEqual(set);
          for (const one of all) expect(roster.has(one)).toBe(set.has(one));
        }
      }),
    );
  });

  it('shows everybody once although members leave while they are shown', () => {
    const roster = new Roster<{ place: number }>();
    const all = Array.from({ length: 5 }, () => ({ place: 0 }));
    for (const member of all) roster.add(member);
    const seen: object[] = [];
    for (const member of roster) {
      seen.push(member);
      roster.delete(member);
    }
    expect(seen).toEqual(all);
    expect(roster.size).toBe(0);
  });
});
