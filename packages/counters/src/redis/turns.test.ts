import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import type { AdmitRequest, Settlement } from '../contract.ts';
import { encodeAdmission, type Admission, type Turn } from './turn-call.ts';
import { createTurns } from './turns.ts';

const TODAY = { startMs: 0, endMs: 86_400_000 };
const [HERE, THERE] = [newUuid(), newUuid()];

function admissionTo(organizationId: Uuid, day = TODAY): Admission {
  const request: AdmitRequest = {
    organizationId,
    attemptId: newUuid(),
    windows: [],
    concurrency: [],
    holdings: [],
    day,
    validWithin: day,
    outputCap: null,
    outputCapMin: 1,
    leaseMs: 1,
    cooldownMs: 0,
    evidence: '',
  };
  return encodeAdmission(request);
}

function settlementOf(organizationId: Uuid): Settlement {
  return { organizationId, attemptId: newUuid(), cost: 0n, tokens: 0, requests: 1 };
}

function rig(concludeWithinMs = 60_000) {
  const calls: { organizationId: Uuid; turn: Turn }[] = [];
  const turns = createTurns<string>({
    concludeWithinMs,
    send(organizationId, turn) {
      calls.push({ organizationId, turn });
      return organizationId === HERE ? Promise.resolve('done') : Promise.reject(new Error('away'));
    },
  });
  const sizes = (): readonly number[][] =>
    calls.map(({ turn }) => [turn.settlements.length, turn.admissions.length, turn.concluded.length]);
  return { turns, calls, sizes };
}

describe('what one turn asks of the store', () => {
  it('is one call per organization, and ends as its call does', async () => {
    const { turns, calls, sizes } = rig();
    const admissions = [turns.admit(admissionTo(HERE)), turns.admit(admissionTo(THERE))];
    const settled = turns.settle(settlementOf(HERE));
    admissions.push(turns.admit(admissionTo(HERE)));
    expect(admissions.map(({ index }) => index)).toEqual([0, 0, 1]);
    const outcomes = await Promise.allSettled([...admissions.map(({ answer }) => answer), settled]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(calls.map(({ organizationId }) => organizationId)).toEqual([HERE, THERE]);
    expect(sizes()).toEqual([
      [1, 2, 0],
      [0, 1, 0],
    ]);
  });

  it('is never more than a function should do at once', async () => {
    const { turns, sizes } = rig();
    await Promise.all(Array.from({ length: 120 }, () => turns.settle(settlementOf(HERE))));
    await Promise.all(Array.from({ length: 70 }, () => turns.admit(admissionTo(HERE)).answer));
    expect(sizes()).toEqual([
      [50, 0, 0],
      [50, 0, 0],
      [20, 0, 0],
      [0, 32, 0],
      [0, 32, 0],
      [0, 6, 0],
    ]);
  });

  it('is of one business day', async () => {
    const { turns, sizes } = rig();
    const tomorrow = { startMs: TODAY.endMs, endMs: 2 * TODAY.endMs };
    const admissions = [admissionTo(HERE), admissionTo(HERE, tomorrow), admissionTo(HERE, tomorrow)];
    await Promise.all(admissions.map((admission) => turns.admit(admission).answer));
    expect(sizes()).toEqual([
      [0, 1, 0],
      [0, 2, 0],
    ]);
  });
});

describe('settlements without an admission', () => {
  /** Calls are answered by hand, in their order. */
  function slowRig() {
    const calls: { turn: Turn; answer: PromiseWithResolvers<string> }[] = [];
    const turns = createTurns<string>({
      concludeWithinMs: 60_000,
      send(_organizationId, turn) {
        const answer = Promise.withResolvers<string>();
        calls.push({ turn, answer });
        return answer.promise;
      },
    });
    const sizes = (): readonly number[][] =>
      calls.map(({ turn }) => [turn.settlements.length, turn.admissions.length]);
    return { turns, calls, sizes };
  }

  it('wait for no call where none is unanswered', async () => {
    const { turns, sizes } = slowRig();
    void turns.settle(settlementOf(HERE));
    void turns.settle(settlementOf(THERE));
    await nextTurn();
    expect(sizes()).toEqual([
      [1, 0],
      [1, 0],
    ]);
  });

  it('go with the next admission of their organization while a call of it is unanswered', async () => {
    const { turns, sizes } = slowRig();
    void turns.admit(admissionTo(HERE)).answer;
    await nextTurn();
    void turns.settle(settlementOf(HERE));
    await nextTurn();
    void turns.settle(settlementOf(HERE));
    await nextTurn();
    expect(sizes()).toEqual([[0, 1]]);
    void turns.admit(admissionTo(HERE)).answer;
    await nextTurn();
    expect(sizes()).toEqual([
      [0, 1],
      [2, 1],
    ]);
  });

  it.each(['answered', 'failed'])(
    'are sent when every call before them is %s, at the latest',
    async (how) => {
      const { turns, calls, sizes } = slowRig();
      const admitted = turns.admit(admissionTo(HERE)).answer.catch(() => 'failed');
      await nextTurn();
      void turns.settle(settlementOf(HERE));
      await nextTurn();
      if (how === 'failed') calls[0]?.answer.reject(new Error('away'));
      else calls[0]?.answer.resolve('done');
      await admitted;
      await nextTurn();
      expect(sizes()).toEqual([
        [0, 1],
        [1, 0],
      ]);
    },
  );

  it('are sent when the store closes', async () => {
    const { turns, sizes } = slowRig();
    void turns.admit(admissionTo(HERE)).answer;
    await nextTurn();
    void turns.settle(settlementOf(HERE));
    turns.flush();
    expect(sizes()).toEqual([
      [0, 1],
      [1, 0],
    ]);
  });
});

describe('conclusions', () => {
  it('go with the next call of their organization', async () => {
    const { turns, calls, sizes } = rig();
    const ids = [newUuid(), newUuid(), newUuid()];
    const concluded = [turns.conclude(HERE, ids.slice(0, 2)), turns.conclude(HERE, ids.slice(2))];
    await turns.settle(settlementOf(HERE));
    await Promise.all(concluded);
    expect(sizes()).toEqual([[1, 0, 3]]);
    expect(calls[0]?.turn.concluded).toEqual(ids);
  });

  it('do not wait for company for ever, and are not gathered without a bound', async () => {
    const { turns, sizes } = rig(1);
    const ids = Array.from({ length: 200 }, () => newUuid());
    await turns.conclude(HERE, ids);
    await turns.conclude(HERE, ids.slice(0, 1));
    expect(sizes()).toEqual([
      [0, 0, 200],
      [0, 0, 1],
    ]);
  });

  it('are sent when the store closes', async () => {
    const { turns, sizes } = rig();
    const concluded = turns.conclude(HERE, [newUuid()]);
    turns.flush();
    await concluded;
    expect(sizes()).toEqual([[0, 0, 1]]);
  });
});
