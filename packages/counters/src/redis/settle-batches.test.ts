import { describe, expect, it } from 'vitest';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import type { Settlement } from '../contract.ts';
import { createSettleBatches } from './settle-batches.ts';

const settlementOf = (organizationId: Uuid): Settlement => ({
  ...{ organizationId, attemptId: newUuid(), cost: 1n, tokens: 1, requests: 1 },
});

describe('settlements of one turn', () => {
  it('are sent together, each organization by itself, and end as their call does', async () => {
    const [here, there] = [newUuid(), newUuid()];
    const calls: (readonly [Uuid, number])[] = [];
    const batches = createSettleBatches((organizationId, settlements) => {
      calls.push([organizationId, settlements.length]);
      return organizationId === here ? Promise.resolve() : Promise.reject(new Error('away'));
    });
    const outcomes = await Promise.allSettled(
      [here, there, here].map((organizationId) => batches.settle(settlementOf(organizationId))),
    );
    expect(calls).toEqual([
      [here, 2],
      [there, 1],
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('are never more than a script should do at once', async () => {
    const organizationId = newUuid();
    const sizes: number[] = [];
    const batches = createSettleBatches((_, settlements) => {
      sizes.push(settlements.length);
      return Promise.resolve();
    });
    await Promise.all(Array.from({ length: 120 }, () => batches.settle(settlementOf(organizationId))));
    expect(sizes).toEqual([50, 50, 20]);
  });
});
