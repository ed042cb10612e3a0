import { newUuid } from '@weir/kernel/ids';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AdmitRequest, AdmitResult, HoldingSeed } from '../contract.ts';
import { admit, balanceOf, costHolding, NOON, requestFor, seedFor, type CreateRig, type Rig } from './rig.ts';

const BUDGET = 'bud:a:0';
const QUARANTINE_MS = 1000;

/** Attempts that are admitted, lose their store, and end: every order of the steps that follow. */
export function describeFlush(createRig: CreateRig): void {
  describe('an attempt that runs through a flush costs what it cost, whatever the seed had seen', () => {
    let rig: Rig;
    let organization = newUuid();
    beforeAll(async () => {
      rig = await createRig({ seedQuarantineMs: QUARANTINE_MS });
    });
    afterAll(() => rig.close());
    beforeEach(() => {
      organization = newUuid();
      rig.clock.nowMs = NOON;
    });
    const ask = (given: Partial<AdmitRequest> = {}) => requestFor(rig, organization, given);
    const unseeded = async (request: AdmitRequest) => {
      const result = await rig.store.admit(request);
      if (result.kind !== 'unseeded') throw new Error(`expected unseeded but got ${result.kind}`);
      return result;
    };

    type Position = Partial<HoldingSeed>;
    /** What one snapshot of Postgres says about the attempt, and what it then amounts to without it. */
    const positions: Record<string, (attempt: AdmitRequest) => Position> = {
      'its close': (attempt) => ({ committed: 60n, open: [], closed: [attempt.attemptId] }),
      'its intent': (attempt) => ({
        open: [{ attemptId: attempt.attemptId, held: 100n, evidence: '' }],
        closed: [],
      }),
      'nothing of it': () => ({ open: [], closed: [] }),
    };
    type Step = 'reassert' | 'settle' | 'seed';
    const orders: Step[][] = [
      ['reassert', 'seed', 'settle'],
      ['reassert', 'settle', 'seed'],
      ['seed', 'reassert', 'settle'],
      ['reassert', 'seed', 'reassert', 'settle', 'settle', 'seed'],
      ['reassert', 'settle', 'settle', 'seed', 'settle'],
      ['settle', 'reassert', 'settle', 'seed'],
      ['settle', 'seed', 'reassert', 'settle'],
    ];
    const cases = Object.entries(positions).flatMap(([seen, position]) =>
      orders.map((order) => ({ seen, position, order, steps: order.join(', ') })),
    );

    it.each(cases)('seed saw $seen: $steps', async ({ position, order }) => {
      const running = ask({ holdings: [costHolding(BUDGET, 1000n)] });
      await admit(rig, running);
      await rig.flush();
      await runThrough(running, order, position(running));
      expect(await balanceOf(rig, organization, BUDGET)).toEqual({ committed: 60n, held: 0n });
    });

    it.each(['its close', 'its intent'])('settled before anything else; seed saw %s', async (seen) => {
      const running = ask({ holdings: [costHolding(BUDGET, 1000n)] });
      await admit(rig, running);
      await rig.flush();
      await runThrough(running, ['settle', 'seed'], positions[seen]?.(running) ?? {});
      expect(await balanceOf(rig, organization, BUDGET)).toEqual({ committed: 60n, held: 0n });
    });

    it('counts what it saw settled and the seed calls open, even when the seed does not tell recent closes', async () => {
      const running = ask({ holdings: [costHolding(BUDGET, 1000n)] });
      await admit(rig, running);
      await rig.flush();
      const open = [{ attemptId: running.attemptId, held: 100n, evidence: '' }];
      await runThrough(running, ['reassert', 'settle', 'seed'], { open });
      expect(await balanceOf(rig, organization, BUDGET)).toEqual({ committed: 60n, held: 0n });
    });

    it('takes what it saw settled for counted when the seed does not tell recent closes', async () => {
      const running = ask({ holdings: [costHolding(BUDGET, 1000n)] });
      await admit(rig, running);
      await rig.flush();
      await runThrough(running, ['reassert', 'settle', 'seed'], { committed: 60n });
      expect(await balanceOf(rig, organization, BUDGET)).toEqual({ committed: 60n, held: 0n });
    });

    async function runThrough(
      running: AdmitRequest,
      order: readonly Step[],
      position: Position,
    ): Promise<void> {
      const missing: AdmitResult = await unseeded(ask({ holdings: [costHolding(BUDGET, 1000n)] }));
      for (const step of order) {
        if (step === 'reassert') await rig.store.reassert(running, 100);
        if (step === 'settle') {
          await rig.store.settle({
            organizationId: organization,
            attemptId: running.attemptId,
            cost: 60n,
            tokens: 0,
            requests: 1,
          });
        }
        if (step === 'seed')
          await seedFor(rig, ask({ holdings: running.holdings }), missing, { holding: () => position });
      }
    }
  });
}
