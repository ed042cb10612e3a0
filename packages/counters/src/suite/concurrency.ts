import { newUuid } from '@weir/kernel/ids';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  admit,
  countAdmitted,
  NOON,
  perMinute,
  requestFor,
  settle,
  type CreateRig,
  type Rig,
} from './rig.ts';

export function describeConcurrency(createRig: CreateRig): void {
  describe('concurrency and leases', () => {
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
    const ask = (limit: number, evidence = '') =>
      requestFor(rig, organization, { concurrency: [{ subject: 'key:a', limit }], evidence });

    it('admits as many at the same time as the limit says, and one more for each that ends', async () => {
      const first = ask(3);
      await admit(rig, first);
      expect(await countAdmitted(rig, () => ask(3), 9)).toBe(2);
      expect(await admit(rig, ask(3))).toMatchObject({
        kind: 'denied',
        reason: 'concurrency',
        subject: 'key:a',
        limit: 3,
      });
      await settle(rig, first, 0n);
      await settle(rig, first, 0n);
      expect(await countAdmitted(rig, () => ask(3), 9)).toBe(1);
    });

    it('gives the slot of an expired lease away, and tells when that will be', async () => {
      await admit(rig, ask(2));
      rig.clock.nowMs += 10_000;
      await admit(rig, ask(2));
      expect(await admit(rig, ask(2))).toMatchObject({ reason: 'concurrency', retryAfterMs: 50_000 });
      expect(await admit(rig, ask(1))).toMatchObject({ reason: 'concurrency', retryAfterMs: 60_000 });
      rig.clock.nowMs += 49_999;
      expect(await admit(rig, ask(2))).toMatchObject({ retryAfterMs: 1 });
      rig.clock.nowMs += 1;
      expect(await admit(rig, ask(2))).toMatchObject({ kind: 'admitted' });
    });

    it('keeps the slot of a renewed lease', async () => {
      const stream = ask(1);
      await admit(rig, stream);
      rig.clock.nowMs += 59_000;
      expect(await rig.store.renew(organization, [stream.attemptId], 60_000)).toEqual([]);
      rig.clock.nowMs += 59_000;
      expect(await admit(rig, ask(1))).toMatchObject({ reason: 'concurrency', retryAfterMs: 1000 });
    });

    it('never admits under a limit of 0', async () => {
      expect(await admit(rig, ask(0))).toMatchObject({
        kind: 'denied',
        reason: 'concurrency',
        retryAfterMs: 60_000,
      });
    });

    it('counts no request in a window when concurrency denies it', async () => {
      const windows = [perMinute('key:a', 2)];
      const both = () => ({ ...ask(1), windows });
      await admit(rig, both());
      await admit(rig, both());
      expect(await admit(rig, requestFor(rig, organization, { windows }))).toMatchObject({
        kind: 'admitted',
      });
    });

    it('answers the attempts it does not know when leases are renewed, but not those that are settled', async () => {
      const running = ask(9);
      const ended = ask(9);
      const unknown = newUuid(NOON);
      await admit(rig, running);
      await admit(rig, ended);
      await settle(rig, ended, 0n);
      const missing = await rig.store.renew(
        organization,
        [running.attemptId, unknown, ended.attemptId],
        60_000,
      );
      expect(missing).toEqual([unknown]);
    });

    it('tells which attempts hold a lease, run out or not, and changes nothing by that', async () => {
      const [ended, expired] = [ask(9), ask(9)];
      for (const request of [ended, expired]) await admit(rig, request);
      await settle(rig, ended, 0n);
      rig.clock.nowMs += 60_000;
      const running = ask(9);
      await admit(rig, running);
      const ids = [ended, expired, running, ask(9)].map((request) => request.attemptId);
      const leased = [expired.attemptId, running.attemptId];
      expect(await rig.store.leased(organization, ids)).toEqual(leased);
      expect(await rig.store.leased(organization, [])).toEqual([]);
      expect((await rig.store.expired(0, 1000)).map((lease) => lease.attemptId)).toContain(expired.attemptId);
    });

    it('lists an expired lease with its evidence until the attempt is settled', async () => {
      const lost = ask(1, 'what the proxy knew');
      await admit(rig, lost);
      const mine = async (graceMs: number) =>
        (await rig.store.expired(graceMs, 100)).filter((lease) => lease.organizationId === organization);
      rig.clock.nowMs += 60_000;
      expect(await mine(5000)).toEqual([]);
      rig.clock.nowMs += 5000;
      const entry = {
        organizationId: organization,
        attemptId: lost.attemptId,
        evidence: 'what the proxy knew',
        outputCap: 100,
      };
      expect(await mine(5000)).toEqual([entry]);
      expect(await mine(5000)).toEqual([entry]);
      await settle(rig, lost, 0n);
      expect(await mine(5000)).toEqual([]);
    });

    it('keeps what proves a settled attempt under its lease until it is concluded, and its slot not', async () => {
      const request = ask(1, 'what the proxy knew');
      const { attemptId } = request;
      await admit(rig, request);
      await rig.store.settle({
        ...{ organizationId: organization, attemptId, cost: 5n, tokens: 0, requests: 1 },
        evidence: 'what became of it',
      });
      const other = ask(1);
      expect(await admit(rig, other)).toMatchObject({ kind: 'admitted' });
      await settle(rig, other, 0n);
      expect(await rig.store.leased(organization, [attemptId, other.attemptId])).toEqual([attemptId]);
      const mine = async () =>
        (await rig.store.expired(0, 100)).filter((lease) => lease.organizationId === organization);
      expect(await mine()).toEqual([]);
      rig.clock.nowMs += 60_000;
      const entry = {
        organizationId: organization,
        attemptId,
        evidence: 'what became of it',
        outputCap: null,
      };
      expect(await mine()).toEqual([entry]);
      await rig.store.conclude(organization, [other.attemptId]);
      expect(await mine()).toEqual([entry]);
      await rig.store.conclude(organization, [attemptId]);
      expect(await mine()).toEqual([]);
      expect(await rig.store.leased(organization, [attemptId])).toEqual([]);
    });

    it('lists no more expired leases than asked for', async () => {
      await countAdmitted(rig, () => ask(9), 5);
      rig.clock.nowMs += 60_000;
      expect(await rig.store.expired(0, 3)).toHaveLength(3);
    });

    it('gives the same answer to the same attempt without occupying a second slot', async () => {
      const request = { ...ask(2), windows: [perMinute('key:a', 9)] };
      const first = await admit(rig, request);
      expect(await rig.store.admit(request)).toEqual(first);
      expect(await countAdmitted(rig, () => ask(2), 9)).toBe(1);
    });
  });
}
