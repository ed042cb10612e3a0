import { newUuid } from '@weir/kernel/ids';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AdmitRequest, Holding } from '../contract.ts';
import { admit, balanceOf, costHolding, NOON, perMinute, requestFor, settle } from './rig.ts';
import type { CreateRig, Ledger, Rig } from './rig.ts';

const BUDGET = 'bud:a:0';
const OTHER = 'bud:b:0';
const GRACE_MS = 600_000;

/** With room for 100, one per output token; requests ask for 100 and need 10 to be of use. */
const lenient = (limit = 100n, graceMs = GRACE_MS, counter = BUDGET): Holding => ({
  ...costHolding(counter, limit),
  graceMs,
});

export function describeGrace(createRig: CreateRig): void {
  describe('grace', () => {
    let rig: Rig;
    let organization = newUuid();
    beforeAll(async () => {
      rig = await createRig();
    });
    afterAll(() => rig.close());
    beforeEach(() => {
      organization = newUuid();
      rig.clock.nowMs = NOON;
    });
    const ask = (holdings: Holding[] = [lenient()], given: Partial<AdmitRequest> = {}) =>
      requestFor(rig, organization, { holdings, outputCapMin: 10, ...given });
    const spend = async (cost: bigint, holdings?: Holding[]) => {
      const request = ask(holdings);
      const result = await admit(rig, request);
      await settle(rig, request, cost);
      return result;
    };
    const over = { kind: 'denied', reason: 'holding', counter: BUDGET, isGraceOver: true };

    it('lets requests go on, unclamped, from the first that finds no room until it ends, and then denies', async () => {
      expect(await spend(91n)).toMatchObject({ outputCap: 100, graceUntilMs: null });
      rig.clock.nowMs += 5_000;
      const untilMs = rig.clock.nowMs + GRACE_MS;
      expect(await spend(80n)).toMatchObject({ kind: 'admitted', outputCap: 100, graceUntilMs: untilMs });
      rig.clock.nowMs = untilMs - 1;
      expect(await spend(80n)).toMatchObject({ kind: 'admitted', outputCap: 100, graceUntilMs: untilMs });
      rig.clock.nowMs = untilMs;
      expect(await admit(rig, ask())).toMatchObject({ ...over, committed: 251n });
      rig.clock.nowMs += 3 * GRACE_MS;
      expect(await admit(rig, ask())).toMatchObject(over);
    });

    it('holds all there is for what is too large to be counted exactly, and gives that back', async () => {
      const all = 2n ** 53n - 1n;
      const request = ask([{ ...lenient(), fixed: all - 10n, perOutputToken: 2n }]);
      expect(await admit(rig, request)).toMatchObject({ kind: 'admitted', outputCap: 100 });
      expect(await balanceOf(rig, organization, BUDGET)).toEqual({ committed: 0n, held: all });
      await settle(rig, request, 3n);
      expect(await balanceOf(rig, organization, BUDGET)).toEqual({ committed: 3n, held: 0n });
    });

    it('does not begin while a useful answer fits: that one is clamped', async () => {
      await spend(90n);
      expect(await spend(0n)).toMatchObject({ outputCap: 10, graceUntilMs: null });
      await spend(1n);
      expect(await spend(0n)).toMatchObject({ outputCap: 100, graceUntilMs: NOON + GRACE_MS });
    });

    it('clamps nothing while it runs, and clamps again when it is over and there is room', async () => {
      const running = ask();
      await admit(rig, running);
      expect(await spend(0n)).toMatchObject({ graceUntilMs: NOON + GRACE_MS });
      await settle(rig, running, 70n);
      expect(await spend(0n)).toMatchObject({ outputCap: 100, graceUntilMs: NOON + GRACE_MS });
      rig.clock.nowMs += GRACE_MS;
      expect(await admit(rig, ask())).toMatchObject({ outputCap: 30, graceUntilMs: null });
    });

    it('is there once per limit: raising the limit gives room and another grace, lowering it gives neither', async () => {
      await spend(100n);
      await spend(50n);
      rig.clock.nowMs += GRACE_MS;
      expect(await admit(rig, ask())).toMatchObject(over);
      expect(await spend(50n, [lenient(300n)])).toMatchObject({ outputCap: 100, graceUntilMs: null });
      await spend(100n, [lenient(300n)]);
      const untilMs = rig.clock.nowMs + GRACE_MS;
      expect(await spend(0n, [lenient(300n)])).toMatchObject({ graceUntilMs: untilMs });
      rig.clock.nowMs = untilMs;
      expect(await admit(rig, ask([lenient(300n)]))).toMatchObject(over);
      expect(await admit(rig, ask([lenient(200n)]))).toMatchObject(over);
      expect(await admit(rig, ask([lenient(300n)]))).toMatchObject(over);
    });

    it('lasts as long as the budget says now, from when it began', async () => {
      await spend(100n);
      await spend(10n);
      rig.clock.nowMs += GRACE_MS;
      expect(await admit(rig, ask())).toMatchObject(over);
      expect(await spend(0n, [lenient(100n, 2 * GRACE_MS)])).toMatchObject({
        graceUntilMs: NOON + 2 * GRACE_MS,
      });
      expect(await admit(rig, ask([costHolding(BUDGET, 100n)]))).toMatchObject({ isGraceOver: false });
    });

    it('does not begin when something else denies the request', async () => {
      await spend(100n);
      await admit(rig, ask([lenient()], { windows: [perMinute('key:a', 0)] }));
      await admit(rig, ask([lenient(), costHolding(OTHER, 5n)]));
      await admit(rig, ask([costHolding(OTHER, 5n), lenient()]));
      rig.clock.nowMs += GRACE_MS;
      expect(await admit(rig, ask())).toMatchObject({ graceUntilMs: rig.clock.nowMs + GRACE_MS });
    });

    it('of one budget gives no room in another, and of several the first end is told', async () => {
      await spend(100n);
      const both = [lenient(), costHolding(OTHER, 30n)];
      expect(await spend(30n, both)).toMatchObject({ outputCap: 30, graceUntilMs: NOON + GRACE_MS });
      expect(await admit(rig, ask(both))).toMatchObject({
        kind: 'denied',
        counter: OTHER,
        isGraceOver: false,
      });
      const two = [lenient(), lenient(30n, 1_000, OTHER)];
      expect(await admit(rig, ask(two))).toMatchObject({ outputCap: 100, graceUntilMs: NOON + 1_000 });
    });

    it('is told again to the same attempt', async () => {
      await spend(100n);
      const request = ask();
      const first = await admit(rig, request);
      expect(first).toMatchObject({ graceUntilMs: NOON + GRACE_MS });
      expect(await rig.store.admit(request)).toEqual(first);
    });

    it('that had let something in before a flush is over after it, whoever tells of it', async () => {
      const seeded: Ledger = { holding: () => ({ committed: 101n }) };
      expect(await admit(rig, ask(), seeded)).toMatchObject({ ...over, committed: 101n });

      organization = newUuid();
      const running = ask();
      await admit(rig, running);
      const more = ask();
      await admit(rig, more);
      await rig.flush();
      expect(await balanceOf(rig, organization, BUDGET)).toEqual({ committed: 0n, held: 0n });
      await rig.store.reassert(running, 100);
      await rig.store.reassert(more, 100);
      expect(await admit(rig, ask())).toMatchObject({ ...over, held: 200n });

      organization = newUuid();
      const late = ask();
      await admit(rig, late);
      await rig.flush();
      await rig.store.settle({
        organizationId: organization,
        attemptId: late.attemptId,
        cost: 150n,
        tokens: 0,
        requests: 1,
      });
      await balanceOf(rig, organization, BUDGET, { holding: () => ({ closed: [] }) });
      await rig.store.reassert(late, 100);
      expect(await admit(rig, ask())).toMatchObject({ ...over, committed: 150n });
    });

    it('begins after a flush when nothing was spent beyond the limit, and for a limit raised beyond what was', async () => {
      const seeded: Ledger = { holding: () => ({ committed: 100n }) };
      expect(await admit(rig, ask(), seeded)).toMatchObject({ graceUntilMs: NOON + GRACE_MS });

      organization = newUuid();
      const beyond: Ledger = { holding: () => ({ committed: 150n }) };
      expect(await admit(rig, ask(), beyond)).toMatchObject(over);
      expect(await admit(rig, ask([lenient(149n)]))).toMatchObject(over);
      expect(await admit(rig, ask([lenient(155n)]))).toMatchObject({ graceUntilMs: NOON + GRACE_MS });
    });
  });
}
