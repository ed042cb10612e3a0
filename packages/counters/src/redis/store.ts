import { randomInt } from 'node:crypto';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { AdmitRequest, AdmitResult, CounterStore, Settlement } from '../contract.ts';
import { toAmount } from '../amount.ts';
import { decodeAdmit } from './admit-reply.ts';
import { createBreaker } from './breaker.ts';
import { connectRedis, type RedisClient, type RedisSettings } from './connection.ts';
import { readCounterLibrary } from './counter-library.ts';
import { decodeInspect } from './inspect-reply.ts';
import { organizationKeys, type CallContext } from './keys.ts';
import { callLibrary } from './library-calls.ts';
import { encodeReassert } from './reassert-call.ts';
import { ANNOUNCE_MS, createRegistry } from './registry.ts';
import { replyList } from './reply.ts';
import { CounterStoreDoubtful, createRunner } from './runner.ts';
import { encodeSeed } from './seed-call.ts';
import { createTakeBack } from './take-back.ts';
import { encodeAdmission, encodeTurn, type Turn } from './turn-call.ts';
import { turnReplies, type TurnReplies } from './turn-replies.ts';
import { createTurns } from './turns.ts';

export type RedisCounterStoreOptions = ({ readonly redis: RedisClient } | RedisAddress) & {
  /** Begins every key, for example `weir`; stores with different prefixes know nothing of each other. */
  readonly prefix: string;
  /** How long holdings stay closed after a flush, so that every proxy can re-assert; 1000 by default. */
  readonly seedQuarantineMs?: number;
  /** How long an answer may take; 1000 by default. */
  readonly timeoutMs?: number;
  /** The store's clock in tests; Redis' own otherwise. */
  readonly nowMs?: () => number;
  /** Told when Redis is given up (with the cause) and when it answers again. */
  readonly onAvailability?: (state: 'open' | 'closed', cause: unknown) => void;
};

export interface RedisAddress {
  /** See `connectRedis`. The store closes the connection it opened. */
  readonly url: string;
  readonly options?: RedisSettings;
}

export interface RedisCounterStore extends CounterStore {
  /** Rejects with CounterStoreUnavailable unless Redis answers; for readiness. */
  ping(): Promise<void>;
}

const SEED_QUARANTINE_MS = 1_000;
const TIMEOUT_MS = 1_000;
const FAILURES_TO_OPEN = 3;
const PAUSE_MS = 500;
/** A re-assertion follows a flush, so an announcement from before it does not count. */
const REANNOUNCE_MS = 1_000;
const RENEWALS_AT_ONCE = 500;
/** What the function of admission asks for beside; nothing of it is looked at. */
const INSPECTION = {
  attemptId: parseUuid('00000000-0000-0000-0000-000000000000'),
  outputCap: 0,
  outputCapMin: 0,
  leaseMs: 0,
  cooldownMs: 0,
  evidence: '',
} as const;

/**
 * The counter store that any number of proxies share: Redis 7 or later, alone, with Sentinel or as a cluster. One
 * function per call, so each is atomic. A server without persistence is enough; it should not evict keys
 * (`maxmemory-policy noeviction`), because an evicted window or balance must be seeded again.
 */
export function createRedisCounterStore(options: RedisCounterStoreOptions): RedisCounterStore {
  const { prefix, seedQuarantineMs = SEED_QUARANTINE_MS, timeoutMs = TIMEOUT_MS, nowMs } = options;
  const redis = 'redis' in options ? options.redis : connectRedis(options.url, options.options);
  const breaker = createBreaker({
    failuresToOpen: FAILURES_TO_OPEN,
    pauseMs: PAUSE_MS,
    now: () => performance.now(),
    onChange: options.onAvailability,
  });
  const runner = createRunner({ callFunction: callLibrary(readCounterLibrary()), redis, breaker, timeoutMs });
  const registry = createRegistry(runner, prefix);
  const now = (): number | '' => (nowMs === undefined ? '' : Math.floor(nowMs()));
  /** Ids of epochs: random where this store begins, then one after the other. */
  let epochs = randomInt(2 ** 47) * 32;
  const contextOf = (organizationId: Uuid): CallContext => {
    epochs += 1;
    return { keys: organizationKeys(prefix, organizationId), now: now(), seedQuarantineMs, newEpoch: epochs };
  };

  const send = async (organizationId: Uuid, turn: Turn): Promise<TurnReplies> => {
    const call = encodeTurn(contextOf(organizationId), turn);
    return turnReplies(await runner.binaryCall('turn', call.keys, call.args), call);
  };
  const turns = createTurns({ send });
  const settle = async (settlement: Settlement): Promise<void> => {
    // What cannot be counted is refused by itself, and not with everything that ends at the same time.
    toAmount(settlement.cost, 'cost');
    await turns.settle(settlement);
  };
  const release = (organizationId: Uuid, attemptId: Uuid): Promise<void> =>
    settle({ organizationId, attemptId, cost: 0n, tokens: 0, requests: 0 });
  const takeBack = createTakeBack(release, PAUSE_MS);

  const admit = async (request: AdmitRequest): Promise<AdmitResult> => {
    const { organizationId, attemptId } = request;
    const admission = encodeAdmission(request);
    const announcing = registry.announce(organizationId, ANNOUNCE_MS);
    if (announcing !== undefined) await announcing;
    const { answer, index } = turns.admit(admission);
    let replies: TurnReplies;
    try {
      replies = await answer;
    } catch (error) {
      if (error instanceof CounterStoreDoubtful) takeBack.add(organizationId, attemptId);
      throw error;
    }
    const result = decodeAdmit(replies, index, admission);
    if (result.kind === 'unseeded') registry.forget(organizationId);
    return result;
  };

  const renew = async (organizationId: Uuid, ids: readonly Uuid[], leaseMs: number): Promise<Uuid[]> => {
    const keys = organizationKeys(prefix, organizationId);
    const missing: Uuid[] = [];
    for (let from = 0; from < ids.length; from += RENEWALS_AT_ONCE) {
      const batch = ids.slice(from, from + RENEWALS_AT_ONCE);
      const reply = replyList(
        await runner.call('renew', [keys.leases], [now(), keys.base, leaseMs, ...batch]),
      );
      missing.push(...batch.filter((_, index) => reply.includes(index + 1)));
    }
    return missing;
  };

  return Object.freeze<RedisCounterStore>({
    admit,
    async inspect(request) {
      const admission = encodeAdmission({ ...INSPECTION, ...request });
      const turn = { settlements: [], admissions: [admission], concluded: [] };
      const { keys, args } = encodeTurn(contextOf(request.organizationId), turn, 'inspect');
      return decodeInspect(await runner.binaryCall('turn', keys, args), admission.shape, request);
    },
    renew,
    settle,
    async conclude(organizationId, ids) {
      if (ids.length > 0) await turns.conclude(organizationId, ids);
    },
    async leased(organizationId, ids) {
      if (ids.length === 0) return [];
      const { leases } = organizationKeys(prefix, organizationId);
      const scores = await runner.command((client) => client.zmscore(leases, ...ids));
      return ids.filter((_, index) => scores[index] !== null);
    },
    async reassert(request, outputCap) {
      const call = encodeReassert(contextOf(request.organizationId), request, outputCap);
      await registry.announce(request.organizationId, REANNOUNCE_MS);
      await runner.call('reassert', call.keys, call.args);
    },
    async seed(seed) {
      const call = encodeSeed(contextOf(seed.organizationId), seed);
      await runner.call('seed', call.keys, call.args);
    },
    async epochs(organizationIds) {
      const read = async (id: Uuid): Promise<[Uuid, string | null]> => {
        const value = await runner.command((client) => client.get(organizationKeys(prefix, id).epoch));
        return [id, value === null ? null : (value.split('|')[0] ?? null)];
      };
      return new Map(await Promise.all(organizationIds.map(read)));
    },
    expired: (graceMs, limit) => registry.expired(now(), graceMs, limit),
    async ping() {
      await runner.command((client) => client.ping());
    },
    async close() {
      takeBack.close();
      turns.flush();
      runner.close();
      if ('redis' in options) return;
      await redis.quit().catch(() => {
        redis.disconnect();
      });
    },
  });
}
