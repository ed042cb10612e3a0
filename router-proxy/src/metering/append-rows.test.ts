import fc from 'fast-check';
import { DatabaseError } from 'pg';
import { describe, expect, it } from 'vitest';
import type { AttemptRecord } from '@weir/contracts/attempt-record';
import { appendRows } from './append-rows.ts';
import { anIntent, anOwner } from './test-attempts.ts';

const owner = anOwner();

function databaseError(code: string): DatabaseError {
  const error = new DatabaseError('refused', 7, 'error');
  error.code = code;
  return error;
}

describe('appending a batch', () => {
  it('appends every row but the poisonous ones, and names exactly those', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 60 }), async (poisonous) => {
        const rows = poisonous.map(() => anIntent(owner));
        const bad = new Set<AttemptRecord>(rows.filter((_, index) => poisonous[index]));
        const taken = new Set<AttemptRecord>();
        const poison = await appendRows(rows, (batch) => {
          if (batch.some((row) => bad.has(row))) return Promise.reject(databaseError('22P02'));
          for (const row of batch) taken.add(row);
          return Promise.resolve();
        });
        expect(new Set(poison.map((row) => row.record))).toEqual(bad);
        expect(taken.size + bad.size).toBe(rows.length);
      }),
    );
  });

  it('asks in a logarithmic number of statements for one poisonous row', async () => {
    const rows = Array.from({ length: 1_024 }, () => anIntent(owner));
    let statements = 0;
    await appendRows(rows, (batch) => {
      statements++;
      const last = rows.at(-1);
      return last && batch.includes(last) ? Promise.reject(databaseError('23514')) : Promise.resolve();
    });
    expect(statements).toBeLessThanOrEqual(21);
  });

  it('takes a failure of the database for what it is and gives no row up', async () => {
    for (const failure of [databaseError('57P01'), databaseError('40P01'), new Error('socket hang up')]) {
      await expect(appendRows([anIntent(owner)], () => Promise.reject(failure))).rejects.toBe(failure);
    }
  });
});
