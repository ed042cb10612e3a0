import { randomUUID } from 'node:crypto';
import type { Clock } from '@weir/kernel/clock';
import { createBreaker } from '../../redis/breaker.ts';
import { connectRedis, type RedisClient, type RedisSettings } from '../../redis/connection.ts';
import { deploymentKeys } from '../../redis/keys.ts';
import { createRunner } from '../../redis/runner.ts';
import { readLibrary } from '../../redis/function-library.ts';
import { callLibrary } from '../../redis/library-calls.ts';
import type { Claim, Deployments, OnDeploymentChange } from '../contract.ts';
import {
  ENTRIES_MAX,
  EVERYTHING,
  fallenAsleep,
  isNews,
  probedBy,
  recovered,
  stateAt,
  unprobed,
  type Entry,
} from '../entry.ts';
import { createKnown } from '../known.ts';
import { jitterMs } from '../sleep.ts';
import { createShared, DEPLOYMENT_FUNCTIONS, type Report } from './shared.ts';
import { createSubscription } from './subscription.ts';
import { createUnsent } from './unsent.ts';

export interface RedisDeploymentsOptions {
  /** See `connectRedis`. Changes are heard on a connection of their own. */
  readonly url: string;
  readonly options?: RedisSettings;
  /** For commands; opened and closed here when absent. */
  readonly redis?: RedisClient;
  /** Begins every key and the channel; proxies with different prefixes know nothing of each other. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly entriesMax?: number;
  /** In [0, 1); how much later than it has to a deployment wakes here. */
  readonly random?: () => number;
  /** How long a claim may wait for its answer; 1000 by default. */
  readonly timeoutMs?: number;
  /** How often changes are read that no message told of; 1000 by default. */
  readonly syncMs?: number;
  /** The store's clock in tests; Redis' own otherwise. */
  readonly nowMs?: () => number;
  readonly onChange?: OnDeploymentChange;
}

export interface RedisDeployments extends Deployments {
  /** Sends what could not be sent and reads what changed. Never rejects; false when Redis is away. */
  sync(): Promise<boolean>;
}

const TIMEOUT_MS = 1_000;
const SYNC_MS = 1_000;
const FAILURES_TO_OPEN = 3;
const PAUSE_MS = 500;
const CHANGES_AT_ONCE = 500;

/**
 * States that any number of proxies share. Each keeps a mirror that it decides by: a change here is in the mirror at
 * once and sent to Redis, whose answer replaces it; changes of others arrive as messages. Messages get lost, so changes
 * are also read by version, after every connection and once a second. While Redis is away the mirror goes on alone.
 */
export function createRedisDeployments(options: RedisDeploymentsOptions): RedisDeployments {
  const { prefix, clock, entriesMax = ENTRIES_MAX, random = Math.random, onChange } = options;
  const redis = options.redis ?? connectRedis(options.url, options.options);
  const runner = createRunner({
    callFunction: callLibrary(
      readLibrary('deployments', new URL('./lua/', import.meta.url), DEPLOYMENT_FUNCTIONS),
    ),
    redis,
    breaker: createBreaker({
      failuresToOpen: FAILURES_TO_OPEN,
      pauseMs: PAUSE_MS,
      now: () => performance.now(),
    }),
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
  });
  const keys = deploymentKeys(prefix);
  const shared = createShared({ runner, keys, clock, entriesMax, nowMs: options.nowMs });
  const known = createKnown(entriesMax);
  const unsent = createUnsent(entriesMax);
  const instance = randomUUID();
  let probes = 0;
  /** The newest version that is known, or one more for each change that Redis has not confirmed yet. */
  let newest = 0;
  /** Up to which version changes were read. */
  let cursor = 0;
  let syncing: Promise<boolean> | undefined;

  function adopt(deployment: string, entry: Entry): void {
    const nowMs = clock.now();
    newest = Math.max(newest, entry.version);
    const restMs = entry.untilMs - nowMs;
    const untilMs = restMs > 0 ? entry.untilMs + jitterMs(restMs, random) : entry.untilMs;
    known.set(deployment, { ...entry, untilMs }, nowMs);
  }

  /** What others changed: the newer one wins. */
  function hear(deployment: string, entry: Entry): void {
    if (entry.version > (known.get(deployment, clock.now())?.version ?? 0)) adopt(deployment, entry);
  }

  /** Redis' answer to a report of ours decides, also where it is what was known before. */
  function confirm(deployment: string, entry: Entry | undefined): void {
    const mine = known.get(deployment, clock.now());
    if (entry && entry.version >= (mine?.version ?? 0)) adopt(deployment, entry);
    else if (!entry && mine?.phase === 'recovered') known.delete(deployment);
  }

  async function send(report: Report): Promise<void> {
    try {
      confirm(report.deployment, await shared.report(report));
    } catch {
      unsent.add(report);
    }
  }

  /** Decided here and now; Redis has the last word. */
  function change(deployment: string, entry: Entry, nowMs: number): void {
    known.set(deployment, entry, nowMs);
    onChange?.(deployment);
  }

  async function claimProbe(deployment: string, entry: Entry, nowMs: number): Promise<Claim | null> {
    const probe = `${instance}:${++probes}`;
    // Requests of this process need not ask while this one does.
    known.set(deployment, probedBy(entry, probe, nowMs, entry.version), nowMs);
    try {
      const answer = await shared.claim(deployment, probe, entry);
      confirm(deployment, answer.entry);
      return answer.isGranted ? { deployment, seen: newest, probe } : null;
    } catch {
      // Redis is away: one prober per proxy is the next best.
      return { deployment, seen: newest, probe };
    }
  }

  async function readChanges(): Promise<boolean> {
    try {
      for (const report of unsent.take()) await send(report);
      for (;;) {
        const changes = await shared.changes(cursor, CHANGES_AT_ONCE);
        // Flushed, or failed over to a server that had not heard of the last ones: what there is counts from the start.
        if (changes.newest < cursor) cursor = 0;
        else {
          for (const { deployment, entry } of changes.states) hear(deployment, entry);
          cursor = changes.cursor;
        }
        if (cursor >= changes.newest) return true;
      }
    } catch {
      return false;
    }
  }

  function sync(): Promise<boolean> {
    syncing ??= readChanges().finally(() => {
      syncing = undefined;
    });
    return syncing;
  }

  const subscription = createSubscription({
    redis: connectRedis(options.url, options.options),
    channel: keys.channel,
    clock,
    onState: hear,
    onConnected: () => void sync(),
  });
  const timer = setInterval(() => void sync(), options.syncMs ?? SYNC_MS).unref();

  return {
    get isQuiet() {
      return known.size === 0;
    },
    stateOf(deployment) {
      const nowMs = clock.now();
      return stateAt(known.get(deployment, nowMs), nowMs);
    },
    claim(deployment) {
      if (known.size === 0) return { deployment, seen: newest, probe: null };
      const nowMs = clock.now();
      const entry = known.get(deployment, nowMs);
      const { kind } = stateAt(entry, nowMs);
      if (kind === 'half-open' && entry) return claimProbe(deployment, entry, nowMs);
      return kind === 'awake' ? { deployment, seen: newest, probe: null } : null;
    },
    succeeded(claim) {
      const { deployment, seen } = claim;
      claim.seen = EVERYTHING;
      if (known.size === 0) return;
      const nowMs = clock.now();
      const entry = known.get(deployment, nowMs);
      if (entry?.phase !== 'asleep' || seen < entry.since) return;
      change(deployment, { ...recovered(entry, nowMs, ++newest), version: entry.version }, nowMs);
      void send({ kind: 'succeeded', deployment, seen });
    },
    failed({ deployment, seen }, failure) {
      const nowMs = clock.now();
      const entry = known.get(deployment, nowMs);
      if (!isNews(entry, seen, nowMs)) return;
      change(
        deployment,
        { ...fallenAsleep(entry, failure, nowMs, ++newest), version: entry?.version ?? 0 },
        nowMs,
      );
      void send({ kind: 'failed', deployment, seen, failure, atMs: nowMs });
    },
    released({ deployment, probe }) {
      if (probe === null) return;
      const nowMs = clock.now();
      const entry = known.get(deployment, nowMs);
      if (entry?.probe === probe) known.set(deployment, unprobed(entry, entry.version), nowMs);
      void send({ kind: 'released', deployment, probe });
    },
    states: () => known.states(clock.now()),
    sync,
    async close() {
      clearInterval(timer);
      subscription.close();
      await syncing;
      runner.close();
      if (options.redis) return;
      await redis.quit().catch(() => {
        redis.disconnect();
      });
    },
  };
}
