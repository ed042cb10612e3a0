import { newUuid } from '@weir/kernel/ids';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AdmitRequest, WindowLimit } from '../contract.ts';
import { admit, balanceOf, costHolding, countAdmitted, NOON, perMinute, requestFor, seedFor } from './rig.ts';
import type { CreateRig, Rig } from './rig.ts';

const BUDGET = 'bud:a:0';
const OTHER = 'bud:b:0';
const QUARANTINE_MS = 1000;

export function describeSeeding(createRig: CreateRig): void {
  describe('seeding', () => {
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

    it('asks for everything that is missing at once', async () => {
      const windows: WindowLimit[] = [
        perMinute('key:a', 5),
        { subject: 'key:a', metric: 'tokens', window: 'day', limit: 5 },
        perMinute('org:o', 5),
      ];
      const request = ask({ windows, holdings: [costHolding(BUDGET, 10n), costHolding(OTHER, 10n)] });
      expect(await rig.store.admit(request)).toEqual({
        kind: 'unseeded',
        nowMs: NOON,
        epoch: expect.any(String) as string,
        openedAtMs: NOON,
        windows,
        holdings: [BUDGET, OTHER],
        opensInMs: QUARANTINE_MS,
      });
      expect(await admit(rig, request)).toMatchObject({ kind: 'admitted' });
      const wider = ask({ ...request, attemptId: newUuid(), windows: [...windows, perMinute('acc:x', 5)] });
      expect(await unseeded(wider)).toMatchObject({ windows: [perMinute('acc:x', 5)], holdings: [] });
    });

    it('takes windows at once, and holdings only when proxies had time to re-assert', async () => {
      const request = ask({ windows: [perMinute('key:a', 5)], holdings: [costHolding(BUDGET, 100n)] });
      const missing = await unseeded(request);
      await seedFor(rig, request, { ...missing, opensInMs: 0 });
      expect(await unseeded(request)).toMatchObject({
        windows: [],
        holdings: [BUDGET],
        opensInMs: QUARANTINE_MS,
      });
      rig.clock.nowMs += QUARANTINE_MS - 1;
      await seedFor(rig, request, { ...missing, opensInMs: 0 });
      expect(await unseeded(request)).toMatchObject({ windows: [], holdings: [BUDGET], opensInMs: 1 });
      rig.clock.nowMs += 1;
      await seedFor(rig, request, { ...missing, opensInMs: 0 });
      expect(await rig.store.admit(request)).toMatchObject({ kind: 'admitted' });
    });

    it('starts windows from what was recorded, in the cells of the instant it was counted for', async () => {
      rig.clock.nowMs = NOON + 30_000;
      const limits = [perMinute('key:a', 10)];
      const ledger = { window: () => ({ current: 3, previous: 4 }) };
      expect(await admit(rig, ask({ windows: limits }), ledger)).toMatchObject({
        windows: [{ remaining: 4 }],
      });

      organization = newUuid();
      rig.clock.nowMs = NOON + 59_999;
      const missing = await unseeded(ask({ windows: limits }));
      rig.clock.nowMs = NOON + 60_000;
      await seedFor(rig, ask(), missing, ledger);
      expect(await rig.store.admit(ask({ windows: limits }))).toMatchObject({ windows: [{ remaining: 6 }] });
    });

    it('ignores the counts of a day that has ended before they arrive', async () => {
      const limits: WindowLimit[] = [{ subject: 'key:a', metric: 'requests', window: 'day', limit: 5 }];
      const late = ask({ windows: limits });
      rig.clock.nowMs = late.day.endMs - 1;
      const missing = await unseeded(late);
      rig.clock.nowMs += 1;
      await seedFor(rig, late, missing, { window: () => ({ current: 5, previous: 0 }) });
      const today = ask({ windows: limits });
      expect(await rig.store.admit(today)).toMatchObject({ kind: 'unseeded' });
      expect(await admit(rig, today)).toMatchObject({ kind: 'admitted', windows: [{ remaining: 4 }] });
      await seedFor(rig, late, missing, { window: () => ({ current: 5, previous: 0 }) });
      expect(await admit(rig, ask({ windows: limits }))).toMatchObject({
        kind: 'admitted',
        windows: [{ remaining: 3 }],
      });
    });

    it('never overwrites or lowers a live counter, so that two proxies may seed at once', async () => {
      const request = () => ask({ windows: [perMinute('key:a', 9)], holdings: [costHolding(BUDGET, 1000n)] });
      const missing = await unseeded(request());
      const ledger = { window: () => ({ current: 2, previous: 0 }), holding: () => ({ committed: 500n }) };
      rig.clock.nowMs += QUARANTINE_MS;
      await seedFor(rig, request(), { ...missing, opensInMs: 0 }, ledger);
      expect(await rig.store.admit(request())).toMatchObject({
        kind: 'admitted',
        windows: [{ remaining: 6 }],
      });
      await seedFor(rig, request(), { ...missing, opensInMs: 0 });
      expect(await rig.store.admit(request())).toMatchObject({
        kind: 'admitted',
        windows: [{ remaining: 5 }],
      });
      expect(await balanceOf(rig, organization, BUDGET)).toEqual({ committed: 500n, held: 200n });
    });

    it('ignores a seed of an older epoch', async () => {
      const request = ask({ holdings: [costHolding(BUDGET, 1000n)] });
      const old = await unseeded(request);
      await rig.flush();
      expect(await unseeded(request)).not.toMatchObject({ epoch: old.epoch });
      rig.clock.nowMs += QUARANTINE_MS;
      await seedFor(rig, request, { ...old, opensInMs: 0 });
      expect(await rig.store.admit(request)).toMatchObject({ kind: 'unseeded' });
    });

    it('tells by the epoch that it was flushed, and by renewals what to re-assert', async () => {
      const request = ask({ windows: [perMinute('key:a', 9)] });
      expect(await rig.store.epochs([organization])).toEqual(new Map([[organization, null]]));
      await admit(rig, request);
      const [before] = (await rig.store.epochs([organization])).values();
      expect(before).toEqual(expect.any(String));
      expect(await rig.store.renew(organization, [request.attemptId], 60_000)).toEqual([]);
      await rig.flush();
      expect(await rig.store.renew(organization, [request.attemptId], 60_000)).toEqual([request.attemptId]);
      await rig.store.reassert(request, 100);
      expect(await rig.store.renew(organization, [request.attemptId], 60_000)).toEqual([]);
      const [after] = (await rig.store.epochs([organization])).values();
      expect(after).not.toEqual(before);
    });

    it('puts hold, slot, evidence and token windows of a re-asserted attempt back, but counts no request again', async () => {
      const given = {
        windows: [
          perMinute('key:a', 2),
          { subject: 'key:a', metric: 'tokens', window: 'minute', limit: 10 } as const,
        ],
        concurrency: [{ subject: 'key:a', limit: 1 }],
        holdings: [costHolding(BUDGET, 1000n)],
        evidence: 'kept',
      };
      const running = ask(given);
      await admit(rig, running);
      await rig.flush();
      await rig.store.reassert(running, 70);
      await rig.store.reassert(running, 70);
      expect(await balanceOf(rig, organization, BUDGET)).toEqual({ committed: 0n, held: 70n });
      const ledger = { window: () => ({ current: 1, previous: 0 }) };
      expect(await admit(rig, ask(given), ledger)).toMatchObject({ reason: 'concurrency', limit: 1 });
      await rig.store.settle({
        organizationId: organization,
        attemptId: running.attemptId,
        cost: 30n,
        tokens: 9,
        requests: 1,
      });
      expect(await balanceOf(rig, organization, BUDGET)).toEqual({ committed: 30n, held: 0n });
      expect(await admit(rig, ask(given))).toMatchObject({
        kind: 'denied',
        reason: 'window',
        window: { metric: 'tokens' },
      });
      expect(await rig.store.expired(-60_000, 1000)).not.toContainEqual(
        expect.objectContaining({ organizationId: organization }),
      );
    });

    it('holds attempts that Postgres calls open, and lists them when nobody renews them', async () => {
      const attemptId = newUuid(NOON);
      const open = [{ attemptId, held: 300n, evidence: 'from the ledger' }];
      const ledger = { holding: () => ({ committed: 100n, open }) };
      expect(await balanceOf(rig, organization, BUDGET, ledger)).toEqual({ committed: 100n, held: 300n });
      expect(await rig.store.renew(organization, [attemptId], 60_000)).toEqual([attemptId]);
      rig.clock.nowMs += 60_000;
      expect(await rig.store.expired(0, 1000)).toContainEqual({
        organizationId: organization,
        attemptId,
        evidence: 'from the ledger',
        outputCap: null,
      });
      await rig.store.settle({ organizationId: organization, attemptId, cost: 40n, tokens: 0, requests: 1 });
      expect(await balanceOf(rig, organization, BUDGET)).toEqual({ committed: 140n, held: 0n });
    });

    it('counts an attempt open in Postgres on a budget that came while it ran', async () => {
      const running = ask({ holdings: [costHolding(BUDGET, 1000n)] });
      await admit(rig, running);
      const open = [{ attemptId: running.attemptId, held: 100n, evidence: '' }];
      const ledger = { holding: () => ({ open }) };
      expect(await balanceOf(rig, organization, OTHER, ledger)).toEqual({ committed: 0n, held: 100n });
      await rig.store.settle({
        organizationId: organization,
        attemptId: running.attemptId,
        cost: 60n,
        tokens: 0,
        requests: 1,
      });
      expect(await balanceOf(rig, organization, BUDGET)).toEqual({ committed: 60n, held: 0n });
      expect(await balanceOf(rig, organization, OTHER)).toEqual({ committed: 60n, held: 0n });
    });

    it('counts a closed attempt once on a budget whose seed still called it open', async () => {
      const ended = ask({ holdings: [costHolding(BUDGET, 1000n)] });
      await admit(rig, ended);
      await rig.store.settle({
        organizationId: organization,
        attemptId: ended.attemptId,
        cost: 60n,
        tokens: 0,
        requests: 1,
      });
      const ledger = {
        holding: () => ({ open: [{ attemptId: ended.attemptId, held: 100n, evidence: '' }] }),
      };
      expect(await balanceOf(rig, organization, OTHER, ledger)).toEqual({ committed: 60n, held: 0n });
      await rig.store.settle({
        organizationId: organization,
        attemptId: ended.attemptId,
        cost: 50n,
        tokens: 0,
        requests: 1,
      });
      expect(await balanceOf(rig, organization, OTHER)).toEqual({ committed: 50n, held: 0n });
    });

    it('opens an epoch for an organization that is only re-asserted, and holds against its seed', async () => {
      const running = ask({ holdings: [costHolding(BUDGET, 100n, 1n)] });
      await rig.store.reassert(running, 60);
      expect(await admit(rig, ask({ holdings: [costHolding(BUDGET, 100n)] }))).toMatchObject({
        outputCap: 40,
      });
    });

    it('keeps concurrency and windows of one organization apart from those of another', async () => {
      const limits = [perMinute('key:a', 2)];
      expect(await countAdmitted(rig, () => ask({ windows: limits }), 5)).toBe(2);
      organization = newUuid();
      expect(await countAdmitted(rig, () => ask({ windows: limits }), 5)).toBe(2);
    });
  });
}
