import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Claim, DeploymentFailure, Deployments, DeploymentState } from './contract.ts';

/** Two proxies, or one that stands for both, with a clock in the test's hand. */
export interface DeploymentsRig {
  readonly proxies: readonly [Deployments, Deployments];
  readonly clock: { nowMs: number };
  /** Until every proxy knows what the others know. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

export type CreateDeploymentsRig = () => Promise<DeploymentsRig>;

const broken: DeploymentFailure = { reason: 'broken', retryAfterMs: null };
const throttled = (retryAfterMs: number | null = null): DeploymentFailure => ({
  reason: 'throttled',
  retryAfterMs,
});

/** Everything that shared knowledge of deployments guarantees; both implementations run the same. */
export function describeDeployments(createRig: CreateDeploymentsRig, runs: number): void {
  const withRig = async (story: (rig: DeploymentsRig) => Promise<void>): Promise<void> => {
    const rig = await createRig();
    try {
      await story(rig);
    } finally {
      await rig.close();
    }
  };
  const claimed = async (proxy: Deployments, deployment = 'd'): Promise<Claim> => {
    const claim = await proxy.claim(deployment);
    if (!claim) throw new Error(`${deployment} may not be asked`);
    return claim;
  };
  const fail = async (rig: DeploymentsRig, failure: DeploymentFailure): Promise<void> => {
    rig.proxies[0].failed(await claimed(rig.proxies[0]), failure);
    await rig.settle();
  };
  const kinds = ({ proxies }: DeploymentsRig): readonly DeploymentState['kind'][] =>
    proxies.map((proxy) => proxy.stateOf('d').kind);
  /** How long the deployment rests for every proxy, by looking each second. */
  const restSeconds = async (rig: DeploymentsRig): Promise<number> => {
    for (let seconds = 0; ; seconds++) {
      if (kinds(rig).every((kind) => kind !== 'sleeping')) return seconds;
      if (kinds(rig).some((kind) => kind !== 'sleeping')) throw new Error('one proxy wakes before the other');
      rig.clock.nowMs += 1_000;
    }
  };

  it('has everybody awake at first, and gives claims at once', () =>
    withRig(async ({ proxies: [proxy] }) => {
      expect(proxy.isQuiet).toBe(true);
      expect(proxy.claim('d')).toMatchObject({ deployment: 'd', probe: null });
      expect(proxy.stateOf('d')).toEqual({ kind: 'awake' });
    }));

  it('keeps a throttled deployment asleep on every proxy for as long as its provider says', () =>
    withRig(async (rig) => {
      await fail(rig, throttled(7_000));
      expect(rig.proxies[1].claim('d')).toBeNull();
      expect(rig.proxies[1].claim('other')).not.toBeNull();
      expect(rig.proxies[1].stateOf('d')).toEqual({
        kind: 'sleeping',
        reason: 'throttled',
        failures: 1,
        untilMs: rig.clock.nowMs + 7_000,
      });
      expect(await restSeconds(rig)).toBe(7);
      expect(kinds(rig)).toEqual(['awake', 'awake']);
    }));

  it.each([
    { failure: throttled(), sleeps: [60, 120, 240, 480, 600, 600] },
    { failure: broken, sleeps: [15, 30, 60, 120, 240, 480, 600, 600] },
    { failure: { reason: 'timeout', retryAfterMs: null } as const, sleeps: [15, 30] },
    { failure: { reason: 'unreachable', retryAfterMs: null } as const, sleeps: [15, 30] },
    { failure: { reason: 'forbidden', retryAfterMs: null } as const, sleeps: [15, 30] },
    { failure: { reason: 'quota', retryAfterMs: null } as const, sleeps: [3_600, 3_600] },
  ])('rests after $failure.reason for $sleeps seconds', ({ failure, sleeps }) =>
    withRig(async (rig) => {
      for (const expected of sleeps) {
        await fail(rig, failure);
        expect(await restSeconds(rig)).toBe(expected);
      }
    }),
  );

  it('begins anew once the deployment has answered', () =>
    withRig(async (rig) => {
      await fail(rig, throttled());
      rig.clock.nowMs += 60_000;
      await fail(rig, throttled());
      rig.clock.nowMs += 120_000;
      rig.proxies[1].succeeded(await claimed(rig.proxies[1]));
      await rig.settle();
      await fail(rig, throttled());
      expect(await restSeconds(rig)).toBe(60);
    }));

  it('gives the test of a broken deployment to one request of all proxies', () =>
    withRig(async (rig) => {
      await fail(rig, broken);
      rig.clock.nowMs += 15_000;
      expect(kinds(rig)).toEqual(['half-open', 'half-open']);
      const asked = [0, 1, 0, 1].map(async (index) => rig.proxies[index === 0 ? 0 : 1].claim('d'));
      const claims = (await Promise.all(asked)).filter((claim) => claim !== null);
      expect(claims).toHaveLength(1);
      await rig.settle();
      expect(kinds(rig)).toEqual(['probing', 'probing']);
      for (const proxy of rig.proxies) expect(await proxy.claim('d')).toBeNull();
    }));

  it('lets everybody return when the test succeeds', () =>
    withRig(async (rig) => {
      await fail(rig, broken);
      rig.clock.nowMs += 15_000;
      rig.proxies[0].succeeded(await claimed(rig.proxies[0]));
      await rig.settle();
      expect(kinds(rig)).toEqual(['awake', 'awake']);
      for (const proxy of rig.proxies) expect(proxy.claim('d')).toMatchObject({ probe: null });
    }));

  it('gives a test that said nothing to the next request, at once or after its time', () =>
    withRig(async (rig) => {
      await fail(rig, broken);
      rig.clock.nowMs += 15_000;
      rig.proxies[0].released(await claimed(rig.proxies[0]));
      await rig.settle();
      await claimed(rig.proxies[1]);
      await rig.settle();
      expect(kinds(rig)).toEqual(['probing', 'probing']);
      rig.clock.nowMs += 30_000;
      expect(kinds(rig)).toEqual(['half-open', 'half-open']);
      await claimed(rig.proxies[0]);
    }));

  it('takes failures of requests that were under way for one', () =>
    withRig(async (rig) => {
      const claims = await Promise.all([0, 1, 2].map(() => claimed(rig.proxies[0])));
      claims.push(await claimed(rig.proxies[1]));
      await fail(rig, broken);
      // One during the sleep, one when it is over, one while another request tests, one after the recovery.
      const [during, after, testing, recovered] = claims;
      if (during) rig.proxies[0].failed(during, broken);
      await rig.settle();
      expect(rig.proxies[1].stateOf('d')).toMatchObject({ failures: 1, untilMs: rig.clock.nowMs + 15_000 });
      rig.clock.nowMs += 15_000;
      if (after) rig.proxies[0].failed(after, broken);
      await rig.settle();
      expect(kinds(rig)).toEqual(['half-open', 'half-open']);
      const probe = await claimed(rig.proxies[0]);
      await rig.settle();
      if (testing) rig.proxies[0].failed(testing, broken);
      await rig.settle();
      expect(kinds(rig)).toEqual(['probing', 'probing']);
      rig.proxies[0].succeeded(probe);
      await rig.settle();
      if (recovered) rig.proxies[1].failed(recovered, broken);
      await rig.settle();
      expect(kinds(rig)).toEqual(['awake', 'awake']);
    }));

  it('is not woken by an answer that was asked for before it fell asleep', () =>
    withRig(async (rig) => {
      const early = await claimed(rig.proxies[1]);
      await fail(rig, throttled());
      rig.proxies[1].succeeded(early);
      await rig.settle();
      expect(kinds(rig)).toEqual(['sleeping', 'sleeping']);
    }));

  it('believes a failure of a request whose answer had begun', () =>
    withRig(async (rig) => {
      await fail(rig, broken);
      rig.clock.nowMs += 15_000;
      const claim = await claimed(rig.proxies[0]);
      rig.proxies[0].succeeded(claim);
      await rig.settle();
      rig.proxies[0].failed(claim, { reason: 'timeout', retryAfterMs: null });
      await rig.settle();
      expect(rig.proxies[1].stateOf('d')).toMatchObject({ kind: 'sleeping', reason: 'timeout', failures: 1 });
    }));

  it('lists what is not plainly awake, and nothing else', () =>
    withRig(async (rig) => {
      await fail(rig, broken);
      expect([...rig.proxies[1].states()]).toEqual([['d', rig.proxies[1].stateOf('d')]]);
      rig.clock.nowMs += 15_000;
      rig.proxies[0].succeeded(await claimed(rig.proxies[0]));
      await rig.settle();
      expect([...rig.proxies[1].states()]).toEqual([]);
    }));

  it('forgets failures in a row an hour after the sleep', () =>
    withRig(async (rig) => {
      await fail(rig, throttled());
      rig.clock.nowMs += 60_000 + 3_600_000;
      await fail(rig, throttled());
      expect(await restSeconds(rig)).toBe(60);
    }));

  it('holds one prober and never a shorter sleep, whatever happens in whatever order', async () => {
    const step = fc.record({
      proxy: fc.constantFrom(0, 1),
      act: fc.constantFrom('claim', 'claim', 'succeed', 'fail', 'throttle', 'release', 'wait', 'wait long'),
      pick: fc.nat(20),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), (steps) =>
        withRig(async (rig) => {
          const open: { claim: Claim; proxy: Deployments }[] = [];
          for (const { proxy: index, act, pick } of steps) {
            const proxy = rig.proxies[index === 0 ? 0 : 1];
            const before = proxy.stateOf('d');
            if (act === 'wait') rig.clock.nowMs += 1_000 * (pick + 1);
            else if (act === 'wait long') rig.clock.nowMs += 60_000 * (pick + 1);
            else if (act === 'claim') {
              const claim = await proxy.claim('d');
              if (claim) open.push({ claim, proxy });
              expect(claim === null).toBe(before.kind === 'sleeping' || before.kind === 'probing');
              expect(claim?.probe !== null && claim !== null).toBe(before.kind === 'half-open');
            } else {
              const [reporting] = open.splice(pick % Math.max(1, open.length), 1);
              if (!reporting) continue;
              if (act === 'succeed') reporting.proxy.succeeded(reporting.claim);
              else if (act === 'release') reporting.proxy.released(reporting.claim);
              else reporting.proxy.failed(reporting.claim, act === 'fail' ? broken : throttled());
              await rig.settle();
              const after = reporting.proxy.stateOf('d');
              // Whatever is reported during a sleep, from before it, neither ends nor changes it.
              if (before.kind === 'sleeping') expect(after).toEqual(before);
              if (after.kind === 'sleeping')
                expect(after.untilMs).toBeLessThanOrEqual(rig.clock.nowMs + 600_000);
            }
            await rig.settle();
            expect(rig.proxies[0].stateOf('d')).toEqual(rig.proxies[1].stateOf('d'));
          }
        }),
      ),
      { numRuns: runs },
    );
  });
}
