import { newUuid } from '@weir/kernel/ids';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AdmitRequest, AdmitResult } from '../contract.ts';
import {
  admit,
  balanceOf,
  costHolding,
  NOON,
  perMinute,
  requestFor,
  settle,
  type CreateRig,
  type Rig,
} from './rig.ts';

const BUDGET = 'bud:a:0';
const OTHER = 'bud:b:0';

export function describeHoldings(createRig: CreateRig): void {
  describe('holdings', () => {
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
    const ask = (given: Partial<AdmitRequest>) => requestFor(rig, organization, given);
    const balance = (counter = BUDGET) => balanceOf(rig, organization, counter);

    it('holds the upper bound until the settlement replaces it by the actual cost', async () => {
      const request = ask({ holdings: [costHolding(BUDGET, 1000n, 3n, 50n)] });
      expect(await admit(rig, request)).toMatchObject({ kind: 'admitted', outputCap: 100 });
      expect(await balance()).toEqual({ committed: 0n, held: 350n });
      await settle(rig, request, 123n);
      expect(await balance()).toEqual({ committed: 123n, held: 0n });
    });

    it('decides for requests that come together what it decides for them one after the other', async () => {
      const windows = [perMinute('key:a', 6), perMinute('org:o', 100)];
      const concurrency = [{ subject: 'key:a', limit: 4 }];
      const story = async (isTogether: boolean) => {
        organization = newUuid();
        const holdings = [costHolding(BUDGET, 250n), costHolding(OTHER, 1_000n, 1n, 5n)];
        const requests = Array.from({ length: 8 }, (_, index) =>
          ask({ windows, concurrency: index % 4 === 3 ? [] : concurrency, holdings, outputCapMin: 40 }),
        );
        await admit(rig, ask({ windows, holdings, outputCap: 1 }));
        const results: AdmitResult[] = [];
        if (isTogether) results.push(...(await Promise.all(requests.map((one) => rig.store.admit(one)))));
        else for (const one of requests) results.push(await rig.store.admit(one));
        return { results, balances: [await balance(), await balance(OTHER)] };
      };
      const [together, inTurn] = [await story(true), await story(false)];
      expect(together).toEqual(inTurn);
      expect(together.results.map(({ kind }) => kind)).toContain('denied');
      expect(together.results.map(({ kind }) => kind)).toContain('admitted');
    });

    it('counts the metric of each holding', async () => {
      const terms = { limit: 1000n, fixed: 5n, perOutputToken: 2n };
      const request = ask({
        outputCap: 10,
        holdings: [
          { counter: 'cost', metric: 'COST', ...terms },
          { counter: 'tokens', metric: 'TOKENS', ...terms },
          { counter: 'requests', metric: 'REQUESTS', ...terms },
        ],
      });
      await admit(rig, request);
      expect(await balance('cost')).toMatchObject({ held: 25n });
      expect(await balance('tokens')).toMatchObject({ held: 25n });
      expect(await balance('requests')).toMatchObject({ held: 1n });
      await settle(rig, request, 7n, 9);
      expect(await balance('cost')).toEqual({ committed: 7n, held: 0n });
      expect(await balance('tokens')).toEqual({ committed: 9n, held: 0n });
      expect(await balance('requests')).toEqual({ committed: 1n, held: 0n });
    });

    it('releases everything of an attempt that never reached its provider', async () => {
      const request = ask({ holdings: [costHolding(BUDGET, 1000n)] });
      await admit(rig, request);
      await rig.store.settle({
        organizationId: organization,
        attemptId: request.attemptId,
        cost: 0n,
        tokens: 0,
        requests: 0,
      });
      expect(await balance()).toEqual({ committed: 0n, held: 0n });
    });

    it('lowers the output cap to what fits into the tightest holding', async () => {
      const holdings = [costHolding(BUDGET, 1000n, 3n, 10n), costHolding(OTHER, 100n, 7n, 30n)];
      expect(await admit(rig, ask({ holdings }))).toMatchObject({ kind: 'admitted', outputCap: 10 });
      expect(await balance(BUDGET)).toMatchObject({ held: 40n });
      expect(await balance(OTHER)).toMatchObject({ held: 100n });
    });

    it('denies with the tightest holding rather than going below the useful minimum, and holds nothing', async () => {
      const holdings = [costHolding(BUDGET, 1000n), costHolding(OTHER, 19n)];
      const denied = await admit(rig, ask({ holdings, outputCapMin: 20 }));
      expect(denied).toMatchObject({
        kind: 'denied',
        reason: 'holding',
        counter: OTHER,
        limit: 19n,
        committed: 0n,
        held: 0n,
      });
      expect(await balance(BUDGET)).toEqual({ committed: 0n, held: 0n });
      expect(await admit(rig, ask({ holdings, outputCapMin: 19 }))).toMatchObject({ outputCap: 19 });
    });

    it('never lowers a cap that is itself below the useful minimum', async () => {
      const holdings = [costHolding(BUDGET, 5n)];
      expect(await admit(rig, ask({ holdings, outputCap: 6, outputCapMin: 20 }))).toMatchObject({
        kind: 'denied',
      });
      expect(await admit(rig, ask({ holdings, outputCap: 5, outputCapMin: 20 }))).toMatchObject({
        outputCap: 5,
      });
    });

    it('admits what has no output by its fixed part, and refuses an output without a cap', async () => {
      const fixed = [costHolding(BUDGET, 100n, 0n, 60n)];
      expect(await admit(rig, ask({ holdings: fixed, outputCap: null }))).toMatchObject({ outputCap: null });
      expect(await admit(rig, ask({ holdings: fixed, outputCap: null }))).toMatchObject({
        kind: 'denied',
        held: 60n,
      });
      const open = ask({ holdings: [costHolding(BUDGET, 100n)], outputCap: null });
      await expect(rig.store.admit(open)).rejects.toThrow(TypeError);
    });

    it('never refuses a settlement, even beyond the limit, and denies from then on', async () => {
      const request = ask({ holdings: [costHolding(BUDGET, 100n)] });
      await admit(rig, request);
      await settle(rig, request, 250n);
      expect(await balance()).toEqual({ committed: 250n, held: 0n });
      expect(await admit(rig, ask({ holdings: [costHolding(BUDGET, 100n)] }))).toMatchObject({
        committed: 250n,
      });
    });

    it('restores service on the next request when the limit is raised', async () => {
      const request = ask({ holdings: [costHolding(BUDGET, 100n)] });
      await admit(rig, request);
      await settle(rig, request, 100n);
      expect(await admit(rig, ask({ holdings: [costHolding(BUDGET, 100n)] }))).toMatchObject({
        kind: 'denied',
      });
      expect(await admit(rig, ask({ holdings: [costHolding(BUDGET, 101n)] }))).toMatchObject({
        outputCap: 1,
      });
    });

    it('settles an attempt once, and replaces what a first settlement said by the second', async () => {
      const request = ask({ holdings: [costHolding(BUDGET, 1000n)] });
      await admit(rig, request);
      await settle(rig, request, 80n);
      await settle(rig, request, 80n);
      expect(await balance()).toEqual({ committed: 80n, held: 0n });
      await settle(rig, request, 30n);
      expect(await balance()).toEqual({ committed: 30n, held: 0n });
    });

    it('changes nothing when an attempt is settled that it does not know', async () => {
      await balance();
      await settle(rig, ask({}), 80n);
      expect(await balance()).toEqual({ committed: 0n, held: 0n });
    });

    it('never admits an attempt that was taken back before its admission arrived', async () => {
      const late = ask({ holdings: [costHolding(BUDGET, 1000n)] });
      await balance();
      await settle(rig, late, 0n);
      await expect(rig.store.admit(late)).rejects.toThrow('settled before');
      expect(await balance()).toEqual({ committed: 0n, held: 0n });
    });

    it('gives the same answer to the same attempt and holds once', async () => {
      const request = ask({ holdings: [costHolding(BUDGET, 60n)] });
      expect(await admit(rig, request)).toMatchObject({ outputCap: 60 });
      expect(await rig.store.admit(request)).toMatchObject({ kind: 'admitted', outputCap: 60 });
      expect(await balance()).toEqual({ committed: 0n, held: 60n });
    });

    it('keeps the hold of an expired lease until it is settled', async () => {
      const request = ask({ holdings: [costHolding(BUDGET, 100n)] });
      await admit(rig, request);
      rig.clock.nowMs += 3_600_000;
      expect(await balance()).toEqual({ committed: 0n, held: 100n });
      await settle(rig, request, 100n);
      expect(await balance()).toEqual({ committed: 100n, held: 0n });
    });

    it('holds nothing when a window denies', async () => {
      const windows = [perMinute('key:a', 0)];
      await admit(rig, ask({ windows, holdings: [costHolding(BUDGET, 100n)] }));
      expect(await balance()).toEqual({ committed: 0n, held: 0n });
    });

    it('counts exactly up to 2^53, and refuses what it could not', async () => {
      const limit = 2n ** 53n - 1n;
      const request = ask({ holdings: [costHolding(BUDGET, limit, 1n, limit - 200n)] });
      await admit(rig, request);
      expect(await balance()).toEqual({ committed: 0n, held: limit - 100n });
      await settle(rig, request, limit - 1n);
      expect(await balance()).toEqual({ committed: limit - 1n, held: 0n });
      const beyond = ask({ holdings: [costHolding(BUDGET, limit, 1n, limit + 1n)] });
      await expect(rig.store.admit(beyond)).rejects.toThrow(RangeError);
    });

    it('refuses a holding that is given twice', async () => {
      await balance();
      const twice = ask({ holdings: [costHolding(BUDGET, 100n), costHolding(BUDGET, 100n)] });
      await expect(rig.store.admit(twice)).rejects.toThrow(TypeError);
    });
  });
}
