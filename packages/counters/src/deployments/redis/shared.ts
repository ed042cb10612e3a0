import type { Clock } from '@weir/kernel/clock';
import type { DeploymentKeys } from '../../redis/keys.ts';
import { intAt, replyList, textAt } from '../../redis/reply.ts';
import type { Runner } from '../../redis/runner.ts';
import type { DeploymentFailure } from '../contract.ts';
import { PROBE_MS, RECOVERED_MS, REMEMBERED_MS, type Entry } from '../entry.ts';
import { sleepAfter } from '../sleep.ts';
import { readState, type Told } from './message.ts';

export const DEPLOYMENT_FUNCTIONS = ['failed', 'succeeded', 'claim', 'release', 'changes'] as const;

/** What a request has found out, to be told to the others. */
export type Report =
  | {
      readonly kind: 'failed';
      readonly deployment: string;
      readonly seen: number;
      readonly failure: DeploymentFailure;
      /** By the clock of this process. */
      readonly atMs: number;
    }
  | { readonly kind: 'succeeded'; readonly deployment: string; readonly seen: number }
  | { readonly kind: 'released'; readonly deployment: string; readonly probe: string };

export interface Changes {
  /** 0 where the store knows nothing. */
  readonly newest: number;
  /** Where to go on; the newest when there is no more. */
  readonly cursor: number;
  readonly states: readonly Told[];
}

/** The functions as typed calls. @throws CounterStoreUnavailable (all of them). */
export interface Shared {
  /** @returns The state afterwards; undefined where nothing is known. */
  report(report: Report): Promise<Entry | undefined>;
  claim(
    deployment: string,
    probe: string,
    entry: Entry,
  ): Promise<{ readonly isGranted: boolean; readonly entry: Entry | undefined }>;
  changes(since: number, limit: number): Promise<Changes>;
}

export interface SharedOptions {
  readonly runner: Runner<(typeof DEPLOYMENT_FUNCTIONS)[number]>;
  readonly keys: DeploymentKeys;
  readonly clock: Clock;
  readonly entriesMax: number;
  readonly nowMs: (() => number) | undefined;
}

export function createShared({ runner, keys, clock, entriesMax, nowMs }: SharedOptions): Shared {
  const run = (
    name: (typeof DEPLOYMENT_FUNCTIONS)[number],
    ...args: readonly (string | number)[]
  ): Promise<unknown> => runner.call(name, keys.all, [nowMs?.() ?? '', keys.channel, entriesMax, ...args]);

  const stateIn = (reply: readonly unknown[], index: number): Entry | undefined =>
    readState(textAt(reply, index), clock.now());

  function send(report: Report): Promise<unknown> {
    const { deployment } = report;
    switch (report.kind) {
      case 'failed': {
        const { firstMs, maxMs } = sleepAfter(report.failure);
        const agoMs = Math.max(0, clock.now() - report.atMs);
        const { reason } = report.failure;
        return run('failed', deployment, report.seen, agoMs, reason, firstMs, maxMs, REMEMBERED_MS);
      }
      case 'succeeded':
        return run('succeeded', deployment, report.seen, RECOVERED_MS);
      case 'released':
        return run('release', deployment, report.probe);
    }
  }

  return {
    async report(report) {
      return stateIn([await send(report)], 0);
    },
    async claim(deployment, probe, { reason, failures }) {
      const reply = replyList(
        await run('claim', deployment, probe, PROBE_MS, reason, failures, REMEMBERED_MS),
      );
      return { isGranted: intAt(reply, 0) === 1, entry: stateIn(reply, 1) };
    },
    async changes(since, limit) {
      const reply = replyList(await run('changes', since, limit));
      const states: Told[] = [];
      for (let index = 2; index < reply.length; index += 2) {
        const entry = stateIn(reply, index + 1);
        if (entry) states.push({ deployment: textAt(reply, index), entry });
      }
      return { newest: Number(textAt(reply, 0)), cursor: Number(textAt(reply, 1)), states };
    },
  };
}
