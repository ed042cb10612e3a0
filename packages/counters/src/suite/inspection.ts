import { newUuid } from '@weir/kernel/ids';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AdmitRequest, InspectResult, WindowLimit } from '../contract.ts';
import {
  admit,
  costHolding,
  dayOf,
  NOON,
  perMinute,
  requestFor,
  settle,
  tokensPerMinute,
  type CreateRig,
  type Rig,
} from './rig.ts';

const BUDGET = 'bud:a:0';

export function describeInspection(createRig: CreateRig): void {
  describe('inspection', () => {
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
    const inspect = async (request: AdmitRequest) => {
      const result: InspectResult = await rig.store.inspect(request);
      if (result.kind !== 'inspected') throw new Error(`expected inspected but got ${result.kind}`);
      return result;
    };

    it('tells windows, running requests and balances in the order of the request, and changes none of them', async () => {
      const daily: WindowLimit = { subject: 'org:o', metric: 'requests', window: 'day', limit: 9 };
      const given = {
        windows: [daily, perMinute('key:a', 2), tokensPerMinute('key:a', 50)],
        concurrency: [{ subject: 'key:a', limit: 5 }],
        holdings: [costHolding(BUDGET, 1000n), costHolding('bud:b:0', 500n)],
      };
      const ended = ask(given);
      await admit(rig, ended);
      await settle(rig, ended, 30n, 40);
      await admit(rig, ask(given));
      const dayLeft = dayOf(NOON).endMs - NOON;
      const expected = {
        kind: 'inspected',
        nowMs: NOON,
        windows: [
          { ...given.windows[0], remaining: 7, resetMs: dayLeft, retryAfterMs: 0 },
          { ...given.windows[1], remaining: 0, resetMs: 120_000, retryAfterMs: 90_000 },
          { ...given.windows[2], remaining: 10, resetMs: 120_000, retryAfterMs: 0 },
        ],
        concurrency: [{ subject: 'key:a', limit: 5, running: 1 }],
        holdings: [
          { counter: BUDGET, committed: 30n, held: 100n, grace: { kind: 'none' } },
          { counter: 'bud:b:0', committed: 30n, held: 100n, grace: { kind: 'none' } },
        ],
      };
      expect(await inspect(ask(given))).toEqual(expected);
      expect(await inspect(ask(given))).toEqual(expected);
    });

    it('tells how long a cooldown lasts and does not renew it', async () => {
      const given = { windows: [perMinute('key:a', 1)], cooldownMs: 200_000 };
      await admit(rig, ask(given));
      await admit(rig, ask(given));
      rig.clock.nowMs += 190_000;
      expect((await inspect(ask(given))).windows).toMatchObject([{ remaining: 0, retryAfterMs: 10_000 }]);
      rig.clock.nowMs += 10_000;
      expect((await inspect(ask(given))).windows).toMatchObject([{ remaining: 1, retryAfterMs: 0 }]);
    });

    it('no longer counts a request whose lease has run out', async () => {
      const given = { concurrency: [{ subject: 'key:a', limit: 5 }] };
      await admit(rig, ask(given));
      rig.clock.nowMs += 60_000;
      expect((await inspect(ask(given))).concurrency).toMatchObject([{ running: 0 }]);
    });

    it('tells whether a grace is there, until when it runs, and that it is over', async () => {
      const given = { holdings: [{ ...costHolding(BUDGET, 50n), graceMs: 60_000 }], outputCapMin: 60 };
      const graceOf = async () => (await inspect(ask(given))).holdings[0]?.grace;
      await admit(rig, ask({ ...given, outputCap: 50 }));
      expect(await graceOf()).toEqual({ kind: 'armed' });
      await admit(rig, ask(given));
      expect(await graceOf()).toEqual({ kind: 'running', untilMs: NOON + 60_000 });
      rig.clock.nowMs += 60_000;
      expect(await graceOf()).toEqual({ kind: 'over' });
    });

    it('asks for what is not seeded, and for new periods', async () => {
      const request = ask({ windows: [perMinute('key:a', 1)], holdings: [costHolding(BUDGET, 50n)] });
      const asked = await rig.store.inspect(request);
      expect(asked).toEqual(await rig.store.admit(request));
      expect(asked).toMatchObject({ kind: 'unseeded', windows: request.windows, holdings: [BUDGET] });
      const validWithin = { startMs: 0, endMs: NOON };
      expect(await rig.store.inspect({ ...request, validWithin })).toEqual({ kind: 'stale', nowMs: NOON });
    });
  });
}
