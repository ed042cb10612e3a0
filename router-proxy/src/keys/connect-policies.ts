import type { Pool } from 'pg';
import type { Clock } from '@weir/kernel/clock';
import type { Check } from '@weir/service/health';
import { createListener, type Listener } from '@weir/service/listener';
import type { Logger } from '@weir/service/logger';
import { standingProblem } from '../admission/standing.ts';
import type { LiveRequests } from '../http/live-requests.ts';
import { createPolicyCache, type PolicyCache } from './policy-cache.ts';
import { createSnapshotStore } from './snapshot-store.ts';

export interface Policies {
  readonly cache: PolicyCache;
  readonly checks: readonly Check[];
  stop(): Promise<void>;
}

export interface PoliciesOptions {
  readonly url: string;
  readonly role: string;
  readonly pool: Pool;
  readonly live: LiveRequests;
  /** Told whenever policies may have changed. */
  readonly onChanged: () => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How long a policy is believed while nobody tells of changes. */
const UNHEARD_MAX_MS = 1_000;
const UNKNOWN_MS = 2_000;
const POLICIES_MAX = 10_000;

/** Policies that follow their organizations' changes, and running streams that follow the policies. */
export function connectPolicies(options: PoliciesOptions): Policies {
  const { url, role, pool, live, clock, log } = options;
  const cache = createPolicyCache({
    store: createSnapshotStore(pool),
    clock,
    isListening: () => listener.isConnected(),
    unheardMaxMs: UNHEARD_MAX_MS,
    unknownMs: UNKNOWN_MS,
    entriesMax: POLICIES_MAX,
    onChanged: (organizationId) => {
      options.onChanged();
      for (const keyHash of live.keyHashes(organizationId)) void judgeAgain(keyHash);
    },
  });

  /** A key that lost its standing loses its running streams. When it cannot be read, the next change asks again. */
  async function judgeAgain(keyHash: string): Promise<void> {
    try {
      const policy = await cache.get(keyHash);
      const problem = policy && standingProblem(policy, clock.now());
      if (problem) live.stopKey(keyHash, problem);
    } catch (err) {
      log.warn({ err }, 'running requests could not be checked against a changed policy');
    }
  }

  const listener: Listener = createListener({
    url,
    role,
    applicationName: 'weir-proxy-signals',
    log,
    on: {
      policy: (signal) => {
        cache.onSignal(signal);
        log.debug(signal, 'policy changed');
      },
    },
    async onConnected() {
      await cache.catchUp();
      log.info('listening to policy changes');
    },
  });
  return { cache, checks: [listenerCheck(listener)], stop: () => listener.stop() };
}

/** Without signals policies are read anew every second, which serves, but costs. */
function listenerCheck(listener: Listener): Check {
  return {
    name: 'policy signals',
    required: false,
    run() {
      if (!listener.isConnected()) throw new Error('not listening to changes of policies');
    },
  };
}
