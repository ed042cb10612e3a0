import { describe, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { createRoutingDecisions, type RoutingDecision } from './routing-decisions.ts';

const aDecision = (requestId: string): RoutingDecision => ({
  atMs: 0,
  requestId,
  modelRequested: 'm',
  attempts: [],
});

describe('routing decisions', () => {
  it('are the last fifty of each organization, the newest first', () => {
    const decisions = createRoutingDecisions();
    const [one, other] = [newUuid(), newUuid()];
    for (let index = 0; index < 120; index++) {
      decisions.record(one, aDecision(String(index)));
      if (index < 3) decisions.record(other, aDecision(`other ${index}`));
    }
    expect(decisions.of(one).map(({ requestId }) => Number(requestId))).toEqual(
      Array.from({ length: 50 }, (_, index) => 119 - index),
    );
    expect(decisions.of(other).map(({ requestId }) => requestId)).toEqual(['other 2', 'other 1', 'other 0']);
  });

  it('are kept of two hundred organizations, and the one that decided longest ago goes first', () => {
    const decisions = createRoutingDecisions();
    const organizations = Array.from({ length: 201 }, () => newUuid());
    const [first, second] = organizations;
    for (const [index, id] of organizations.entries()) {
      decisions.record(id, aDecision(String(index)));
      if (first) decisions.record(first, aDecision('again'));
    }
    expect(decisions.of(first ?? newUuid())).not.toEqual([]);
    expect(decisions.of(second ?? newUuid())).toEqual([]);
  });
});
