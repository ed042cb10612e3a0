import { expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import type { RequestName, RequestNames, Taking } from './contract.ts';

/** Two proxies, or one that stands for both, with a clock in the test's hand. */
export interface RequestNamesRig {
  readonly proxies: readonly [RequestNames, RequestNames];
  readonly clock: { nowMs: number };
  /** Until what was told has arrived. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

export type CreateRequestNamesRig = () => Promise<RequestNamesRig>;

const names = { organizationId: newUuid(), apiKeyId: newUuid(), name: 'name' };
let requests = 0;
const aRequest = (parts: Partial<RequestName> = {}): RequestName => ({
  ...names,
  requestId: `req_${++requests}`,
  ...parts,
});

function heldOf(taking: Taking) {
  if (taking.kind !== 'taken') throw new Error(`the name is not taken but ${taking.kind}`);
  return taking.held;
}

/** Everything that names of requests guarantee; both implementations run the same. */
export function describeRequestNames(createRig: CreateRequestNamesRig): void {
  const withRig = async (story: (rig: RequestNamesRig) => Promise<void>): Promise<void> => {
    const rig = await createRig();
    try {
      await story(rig);
    } finally {
      await rig.close();
    }
  };

  it('are known on every proxy while the request runs and for five minutes after it', () =>
    withRig(async ({ proxies: [first, second], clock, settle }) => {
      const request = aRequest();
      const held = heldOf(await first.take(request));
      const repetition = { requestId: request.requestId };
      expect(await second.take(aRequest())).toEqual({ kind: 'running', ...repetition });
      held.keep();
      await settle();
      expect(await second.take(aRequest())).toEqual({ kind: 'ended', ...repetition });
      clock.nowMs += 299_999;
      expect(await first.take(aRequest())).toEqual({ kind: 'ended', ...repetition });
      clock.nowMs += 1;
      expect(await second.take(aRequest())).toMatchObject({ kind: 'taken' });
    }));

  it('belong to one API key each', () =>
    withRig(async ({ proxies: [first, second] }) => {
      await first.take(aRequest());
      expect(await second.take(aRequest({ apiKeyId: newUuid() }))).toMatchObject({ kind: 'taken' });
      expect(await second.take(aRequest({ name: 'another' }))).toMatchObject({ kind: 'taken' });
    }));

  it('are free again when the request came to nothing', () =>
    withRig(async ({ proxies: [first, second], settle }) => {
      heldOf(await first.take(aRequest())).free();
      await settle();
      expect(await second.take(aRequest())).toMatchObject({ kind: 'taken' });
    }));

  it('are taken by one of many requests that come at once', () =>
    withRig(async ({ proxies }) => {
      const takings = await Promise.all(
        Array.from({ length: 40 }, (_, index) => proxies[index % 2 === 0 ? 0 : 1].take(aRequest())),
      );
      expect(takings.filter(({ kind }) => kind === 'taken')).toHaveLength(1);
    }));
}
