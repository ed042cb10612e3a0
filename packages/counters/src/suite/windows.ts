import { newUuid } from '@weir/kernel/ids';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { WindowLimit } from '../contract.ts';
import {
  admit,
  countAdmitted,
  dayOf,
  DAY_MS,
  NOON,
  perMinute,
  requestFor,
  settle,
  tokensPerMinute,
} from './rig.ts';
import type { CreateRig, Rig } from './rig.ts';

const KEY = 'key:a';

export function describeWindows(createRig: CreateRig): void {
  describe('windows', () => {
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
    const ask = (windows: WindowLimit[], cooldownMs = 0) =>
      requestFor(rig, organization, { windows, cooldownMs });

    it('admits exactly the limit within a minute', async () => {
      expect(await countAdmitted(rig, () => ask([perMinute(KEY, 7)]), 20)).toBe(7);
    });

    it('lets the previous minute weigh by what is left of it', async () => {
      await countAdmitted(rig, () => ask([perMinute(KEY, 10)]), 10);
      rig.clock.nowMs = NOON + 60_000;
      expect(await countAdmitted(rig, () => ask([perMinute(KEY, 10)]), 20)).toBe(0);
      rig.clock.nowMs = NOON + 90_000;
      expect(await countAdmitted(rig, () => ask([perMinute(KEY, 10)]), 20)).toBe(5);
      rig.clock.nowMs = NOON + 180_000;
      expect(await countAdmitted(rig, () => ask([perMinute(KEY, 10)]), 20)).toBe(10);
    });

    it('counts hours like minutes and a day as the business day, not as 24 hours', async () => {
      const hourly: WindowLimit = { subject: KEY, metric: 'requests', window: 'hour', limit: 4 };
      const daily: WindowLimit = { subject: KEY, metric: 'requests', window: 'day', limit: 5 };
      expect(await countAdmitted(rig, () => ask([hourly, daily]), 9)).toBe(4);
      rig.clock.nowMs = NOON + 2 * 3_600_000;
      expect(await countAdmitted(rig, () => ask([hourly, daily]), 9)).toBe(1);
      rig.clock.nowMs = dayOf(NOON).endMs - 1;
      const denied = await admit(rig, ask([hourly, daily]));
      expect(denied).toMatchObject({ kind: 'denied', window: { window: 'day' }, retryAfterMs: 1 });
      rig.clock.nowMs += 1;
      expect(await countAdmitted(rig, () => ask([hourly, daily]), 9)).toBe(4);
    });

    it('limits every subject of the chain on its own, and a denied request counts for none of them', async () => {
      const chain = (key: string) => [perMinute('org:o', 3), perMinute(key, 2)];
      expect(await countAdmitted(rig, () => ask(chain('key:1')), 9)).toBe(2);
      expect(await countAdmitted(rig, () => ask(chain('key:2')), 9)).toBe(1);
      const denied = await admit(rig, ask(chain('key:2')));
      expect(denied).toMatchObject({
        kind: 'denied',
        reason: 'window',
        window: { subject: 'org:o', remaining: 0 },
      });
      expect(await admit(rig, ask([perMinute('key:2', 2)]))).toMatchObject({ kind: 'admitted' });
    });

    it('lets the request that crosses a token limit succeed and denies the next', async () => {
      const limits = [tokensPerMinute(KEY, 100)];
      const first = ask(limits);
      await admit(rig, first);
      await settle(rig, first, 0n, 99);
      const second = ask(limits);
      expect(await admit(rig, second)).toMatchObject({ kind: 'admitted', windows: [{ remaining: 1 }] });
      await settle(rig, second, 0n, 500);
      expect(await admit(rig, ask(limits))).toMatchObject({ kind: 'denied', reason: 'window' });
    });

    it('counts tokens in the minute of the admission, also when it has passed', async () => {
      const limits = [tokensPerMinute(KEY, 100)];
      const slow = ask(limits);
      await admit(rig, slow);
      rig.clock.nowMs = NOON + 60_000;
      await admit(rig, ask(limits));
      await settle(rig, slow, 0n, 100);
      expect(await admit(rig, ask(limits))).toMatchObject({ kind: 'denied' });
      rig.clock.nowMs = NOON + 61_000;
      expect(await admit(rig, ask(limits))).toMatchObject({ kind: 'admitted', windows: [{ remaining: 1 }] });
    });

    it.each([
      ['minute', 60_000],
      ['hour', 3_600_000],
      ['day', DAY_MS],
    ] as const)(
      'counts the tokens of every %s anew where nothing but tokens is limited',
      async (window, length) => {
        const limits: WindowLimit[] = [{ subject: KEY, metric: 'tokens', window, limit: 100 }];
        for (let round = 0; round < 3; round++) {
          const request = ask(limits);
          expect(await admit(rig, request)).toMatchObject({
            kind: 'admitted',
            windows: [{ remaining: 100 }],
          });
          await settle(rig, request, 0n, 100);
          expect(await admit(rig, ask(limits))).toMatchObject({ kind: 'denied', reason: 'window' });
          rig.clock.nowMs += 2 * length;
        }
      },
    );

    it('forgets tokens of a minute that no window looks at any more', async () => {
      const limits = [tokensPerMinute(KEY, 100)];
      const slow = ask(limits);
      await admit(rig, slow);
      rig.clock.nowMs = NOON + 120_000;
      await admit(rig, ask(limits));
      await settle(rig, slow, 0n, 1000);
      expect(await admit(rig, ask(limits))).toMatchObject({
        kind: 'admitted',
        windows: [{ remaining: 100 }],
      });
    });

    it('replaces the tokens of a first settlement by those of a second', async () => {
      const limits: WindowLimit[] = [{ subject: KEY, metric: 'tokens', window: 'day', limit: 100 }];
      const request = ask(limits);
      await admit(rig, request);
      await settle(rig, request, 0n, 90);
      await settle(rig, request, 0n, 90);
      await settle(rig, request, 0n, 40);
      expect(await admit(rig, ask(limits))).toMatchObject({ windows: [{ remaining: 60 }] });
    });

    it('denies longer with every probe while a short window cools down', async () => {
      const limits = [perMinute(KEY, 10)];
      await countAdmitted(rig, () => ask(limits, 90_000), 10);
      expect(await admit(rig, ask(limits, 90_000))).toMatchObject({ reason: 'window', retryAfterMs: 90_000 });
      rig.clock.nowMs += 89_999;
      expect(await admit(rig, ask(limits, 90_000))).toMatchObject({
        reason: 'cooldown',
        retryAfterMs: 90_000,
      });
      rig.clock.nowMs += 89_999;
      expect(await admit(rig, ask(limits, 90_000))).toMatchObject({
        reason: 'cooldown',
        retryAfterMs: 90_000,
      });
      rig.clock.nowMs += 90_000;
      expect(await admit(rig, ask(limits, 90_000))).toMatchObject({ kind: 'admitted' });
    });

    it('cools a day down until it ends, however often it is probed', async () => {
      const limits: WindowLimit[] = [{ subject: KEY, metric: 'requests', window: 'day', limit: 1 }];
      await admit(rig, ask(limits, 60_000));
      const left = dayOf(NOON).endMs - NOON;
      expect(await admit(rig, ask(limits, 60_000))).toMatchObject({ reason: 'window', retryAfterMs: left });
      rig.clock.nowMs = dayOf(NOON).endMs - 10;
      expect(await admit(rig, ask(limits, 60_000))).toMatchObject({ reason: 'cooldown', retryAfterMs: 10 });
      rig.clock.nowMs += 10;
      expect(await admit(rig, ask(limits, 60_000))).toMatchObject({ kind: 'admitted' });
    });

    it('keeps a day cooling even when its tokens are corrected below the limit', async () => {
      const limits: WindowLimit[] = [{ subject: KEY, metric: 'tokens', window: 'day', limit: 10 }];
      const request = ask(limits);
      await admit(rig, request);
      await settle(rig, request, 0n, 10);
      await admit(rig, ask(limits));
      await settle(rig, request, 0n, 1);
      expect(await admit(rig, ask(limits))).toMatchObject({ kind: 'denied', reason: 'cooldown' });
    });

    it('cools down only the windows that denied', async () => {
      const both = [perMinute('org:o', 100), perMinute(KEY, 1)];
      await admit(rig, ask(both, 60_000));
      await admit(rig, ask(both, 60_000));
      expect(await admit(rig, ask([perMinute('org:o', 100)], 60_000))).toMatchObject({ kind: 'admitted' });
    });

    it('lifts a cooldown when the limit is raised', async () => {
      await admit(rig, ask([perMinute(KEY, 1)], 60_000));
      await admit(rig, ask([perMinute(KEY, 1)], 60_000));
      expect(await admit(rig, ask([perMinute(KEY, 2)], 60_000))).toMatchObject({ kind: 'admitted' });
    });

    it('names the window that takes longest, so that waiting for it is enough', async () => {
      const limits: WindowLimit[] = [
        perMinute(KEY, 1),
        { subject: KEY, metric: 'requests', window: 'hour', limit: 1 },
      ];
      await admit(rig, ask(limits, 1000));
      const denied = await admit(rig, ask(limits, 1000));
      expect(denied).toMatchObject({ window: { window: 'hour' }, retryAfterMs: 7_200_000 });
      rig.clock.nowMs += 7_199_999;
      expect(await admit(rig, ask(limits, 0))).toMatchObject({ kind: 'denied', retryAfterMs: 1 });
      rig.clock.nowMs += 1;
      expect(await admit(rig, ask(limits, 0))).toMatchObject({ kind: 'admitted' });
    });

    it('tells of each metric the window with the least left, and of equal ones the one that resets last', async () => {
      rig.clock.nowMs = NOON + 15_000;
      const limits: WindowLimit[] = [
        { subject: KEY, metric: 'requests', window: 'day', limit: 9 },
        perMinute('org:o', 5),
        { subject: 'acc:a', metric: 'requests', window: 'hour', limit: 5 },
        perMinute(KEY, 7),
        tokensPerMinute(KEY, 50),
        tokensPerMinute('org:o', 60),
      ];
      expect(await admit(rig, ask(limits))).toEqual({
        kind: 'admitted',
        nowMs: rig.clock.nowMs,
        outputCap: 100,
        graceUntilMs: null,
        windows: [
          { ...limits[2], remaining: 4, resetMs: 7_185_000 },
          { ...limits[4], remaining: 50, resetMs: 0 },
        ],
      });
    });

    it('never admits under a limit of 0', async () => {
      expect(await admit(rig, ask([perMinute(KEY, 0)]))).toMatchObject({
        kind: 'denied',
        retryAfterMs: 120_000,
      });
      expect(await admit(rig, ask([tokensPerMinute(KEY, 0)]))).toMatchObject({ kind: 'denied' });
    });

    it('refuses a window that is given twice', async () => {
      await admit(rig, ask([perMinute(KEY, 5)]));
      await expect(
        rig.store.admit(ask([perMinute(KEY, 5), perMinute('org:o', 5), perMinute(KEY, 5)])),
      ).rejects.toThrow(TypeError);
    });

    it('asks for new periods when its time is outside of them, and changes nothing', async () => {
      const request = ask([perMinute(KEY, 1)]);
      const yesterday = dayOf(NOON - DAY_MS);
      expect(await rig.store.admit({ ...request, validWithin: yesterday })).toEqual({
        kind: 'stale',
        nowMs: NOON,
      });
      expect(await admit(rig, request)).toMatchObject({ kind: 'admitted' });
    });

    it('asks for the day anew when the organization has moved to another time zone', async () => {
      const limits: WindowLimit[] = [{ subject: KEY, metric: 'requests', window: 'day', limit: 3 }];
      await admit(rig, ask(limits));
      const { startMs, endMs } = dayOf(NOON);
      const moved = { startMs: startMs - 3_600_000, endMs: endMs - 3_600_000 };
      const request = requestFor(rig, organization, { windows: limits, day: moved });
      expect(await rig.store.admit(request)).toMatchObject({ kind: 'unseeded', windows: limits });
      const ledger = { window: () => ({ current: 2, previous: 0 }) };
      expect(await admit(rig, request, ledger)).toMatchObject({
        kind: 'admitted',
        windows: [{ remaining: 0 }],
      });
    });
  });
}
