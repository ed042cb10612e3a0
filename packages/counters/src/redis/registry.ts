import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { ExpiredLease } from '../contract.ts';
import { organizationKeys, registryKey } from './keys.ts';
import { intAt, replyList, textAt } from './reply.ts';
import type { Runner } from './runner.ts';

/**
 * Finds expired leases across organizations.
 *
 * Leases are a sorted set per organization, in its hash slot, because the admission function of a cluster may touch one
 * slot only. Which organizations to look at is kept in one further sorted set outside of that function: a proxy
 * announces an organization before its first admission and then at most once per `ANNOUNCE_MS`, so the set is in no
 * request's way however busy the organization is. An organization is forgotten when it has no leases and was not
 * announced for `FORGET_MS`, which is far longer than a proxy may rely on its last announcement. A flush loses the
 * set together with the leases; re-assertions announce again.
 */
export interface Registry {
  /**
   * Resolves when the organization is sure to be looked at; undefined when it is already.
   * @param withinMs Announces again when the last time is longer ago.
   */
  announce(organizationId: Uuid, withinMs: number): Promise<void> | undefined;
  /** The store seems to have been flushed, and with it what was announced. */
  forget(organizationId: Uuid): void;
  expired(now: number | '', graceMs: number, limit: number): Promise<readonly ExpiredLease[]>;
}

export const ANNOUNCE_MS = 10_000;
const FORGET_MS = 300_000;
const REGISTRY_TTL_MS = 8 * 86_400_000;
/** Announcements a proxy remembers; forgetting one costs a command. */
const REMEMBERED = 50_000;
/** Organizations looked at per call, so that a call stays short; the next one goes on where it ended. */
const VISITS = 1_000;
const VISITS_AT_ONCE = 50;

export function createRegistry(runner: Runner, prefix: string): Registry {
  const key = registryKey(prefix);
  const announced = new Map<Uuid, number>();
  let position = 0;

  const announce = async (organizationId: Uuid, nowMs: number): Promise<void> => {
    await Promise.all([
      runner.command((redis) => redis.zadd(key, nowMs, organizationId)),
      runner.command((redis) => redis.pexpire(key, REGISTRY_TTL_MS)),
    ]);
    if (announced.size >= REMEMBERED) announced.clear();
    announced.set(organizationId, nowMs);
  };

  const visit = async (
    organization: Uuid,
    now: number | '',
    graceMs: number,
    limit: number,
  ): Promise<ExpiredLease[]> => {
    const { base, leases } = organizationKeys(prefix, organization);
    const reply = replyList(await runner.call('expired', [leases], [now, base, graceMs, limit]));
    if (intAt(reply, 0) === 0) await forgetIdle(organization);
    const found: ExpiredLease[] = [];
    for (let at = 1; at < reply.length; at += 3) {
      const attemptId = parseUuid(textAt(reply, at));
      const cap = intAt(reply, at + 2);
      found.push({
        organizationId: organization,
        attemptId,
        evidence: textAt(reply, at + 1),
        outputCap: cap < 0 ? null : cap,
      });
    }
    return found;
  };

  const forgetIdle = async (organization: Uuid): Promise<void> => {
    const score = await runner.command((redis) => redis.zscore(key, organization));
    if (score === null || Number(score) >= Date.now() - FORGET_MS) return;
    await runner.call('unregister', [key], [organization, score]);
  };

  return {
    announce(organizationId, withinMs) {
      const nowMs = Date.now();
      const lastMs = announced.get(organizationId);
      return lastMs === undefined || nowMs - lastMs >= withinMs ? announce(organizationId, nowMs) : undefined;
    },
    forget: (organizationId) => void announced.delete(organizationId),
    async expired(now, graceMs, limit) {
      const found: ExpiredLease[] = [];
      const total = await runner.command((redis) => redis.zcard(key));
      let left = Math.min(total, VISITS);
      while (left > 0 && found.length < limit) {
        if (position >= total) position = 0;
        const count = Math.min(VISITS_AT_ONCE, left);
        const last = position + count - 1;
        const page = await runner.command((redis) => redis.zrange(key, position, String(last)));
        const visits = page.map((member) => visit(parseUuid(member), now, graceMs, limit));
        if (visits.length === 0) break;
        for (const leases of await Promise.all(visits)) found.push(...leases);
        position += visits.length;
        left -= visits.length;
      }
      return found.slice(0, limit);
    },
  };
}
