import type { Uuid } from '@weir/kernel/ids';
import { parseUuid } from '@weir/kernel/ids';
import type { Transaction } from '@weir/prisma/tenant';
import { hexOf } from './audit-event.ts';
import { createAuditStore } from './audit-store.ts';

/**
 * MISSING: an event was removed. CHANGED: its content is not what was hashed. BROKEN_LINK: it does not follow the event
 * before it. TRUNCATED: the chain ends before its head. HEAD_CHANGED: the head names another last event.
 * CHECKPOINT_UNATTESTED: events were removed without retention saying so. ANCHOR_MISMATCH: an event that somebody noted
 * is not there as they noted it.
 */
export type ChainProblemKind =
  | 'MISSING'
  | 'CHANGED'
  | 'BROKEN_LINK'
  | 'TRUNCATED'
  | 'HEAD_CHANGED'
  | 'CHECKPOINT_UNATTESTED'
  | 'ANCHOR_MISMATCH';

export interface ChainProblem {
  readonly kind: ChainProblemKind;
  /** Of the first event that does not fit. */
  readonly sequence: bigint;
  /** Null where there is none any more. */
  readonly eventId: Uuid | null;
}

/** A place in the chain and its hash (hexadecimal), noted outside of the database. */
export interface ChainAnchor {
  readonly sequence: bigint;
  readonly hash: string;
}

export interface ChainVerification {
  readonly checkedEvents: number;
  /** Of the first event that is still kept; retention removed what was before it. */
  readonly firstSequence: bigint;
  /** The last event; null for an empty chain. Noted elsewhere it is the anchor of a later verification. */
  readonly head: ChainAnchor | null;
  readonly problem: ChainProblem | null;
}

interface Head {
  readonly sequence: bigint;
  readonly head_hash: Uint8Array;
  readonly purged_sequence: bigint;
  readonly purged_hash: Uint8Array;
}

interface Walk {
  readonly last_sequence: bigint;
  readonly last_hash: Uint8Array;
  readonly walked: number;
  readonly problem: ChainProblemKind | null;
  readonly problem_sequence: bigint | null;
  readonly problem_id: string | null;
}

const STEP = 20_000;

const isSame = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;

/**
 * Walks the chain that the transaction may see from its beginning to its head. The transaction must be a snapshot
 * (REPEATABLE READ), or an event that is written meanwhile would look like a fault.
 */
export async function verifyChain(
  tx: Transaction,
  anchors: readonly ChainAnchor[] = [],
): Promise<ChainVerification> {
  const store = createAuditStore(tx);
  const [head] = await tx.$queryRaw<Head[]>`select * from audit.visible_head()`;
  if (!head) return verifyWithoutHead(tx, anchors);
  const firstSequence = head.purged_sequence + 1n;
  const ends = { firstSequence, head: { sequence: head.sequence, hash: hexOf(head.head_hash) } };
  let place = { last_sequence: head.purged_sequence, last_hash: head.purged_hash };
  let checkedEvents = 0;
  const broken = (kind: ChainProblemKind, sequence: bigint, eventId: Uuid | null): ChainVerification => ({
    ...ends,
    checkedEvents,
    problem: { kind, sequence, eventId },
  });

  for (;;) {
    const [walk] = await tx.$queryRaw<Walk[]>`
      select * from audit.walk(${place.last_sequence}, ${place.last_hash}, ${STEP}::integer)`;
    if (!walk) throw new Error('a walk always answers');
    checkedEvents += walk.walked;
    if (walk.problem !== null) {
      const id = walk.problem_id === null ? null : parseUuid(walk.problem_id);
      return broken(walk.problem, walk.problem_sequence ?? walk.last_sequence, id);
    }
    place = walk;
    if (walk.walked < STEP) break;
  }
  if (place.last_sequence < head.sequence) return broken('TRUNCATED', place.last_sequence + 1n, null);
  if (place.last_sequence > head.sequence || !isSame(place.last_hash, head.head_hash)) {
    const last = await store.at(place.last_sequence);
    return broken('HEAD_CHANGED', place.last_sequence, last?.id ?? null);
  }
  if (head.purged_sequence > 0n && !(await isAttested(tx, head))) {
    return broken('CHECKPOINT_UNATTESTED', head.purged_sequence, null);
  }
  for (const anchor of anchors) {
    if (anchor.sequence <= head.purged_sequence) continue;
    const event = await store.at(anchor.sequence);
    if (!event || hexOf(event.hash) !== anchor.hash.toLowerCase()) {
      return broken('ANCHOR_MISMATCH', anchor.sequence, event?.id ?? null);
    }
  }
  return { ...ends, checkedEvents, problem: null };
}

/** Without a head there may be no event either, and nobody may have noted one. */
async function verifyWithoutHead(
  tx: Transaction,
  anchors: readonly ChainAnchor[],
): Promise<ChainVerification> {
  const [orphan] = await createAuditStore(tx).list({}, { take: 1 });
  const problem: ChainProblem | null = orphan
    ? { kind: 'HEAD_CHANGED', sequence: orphan.sequence, eventId: orphan.id }
    : anchors[0]
      ? { kind: 'ANCHOR_MISMATCH', sequence: anchors[0].sequence, eventId: null }
      : null;
  return { checkedEvents: 0, firstSequence: 1n, head: null, problem };
}

/** Retention writes what it removed into the chain itself. */
async function isAttested(tx: Transaction, { purged_sequence, purged_hash }: Head): Promise<boolean> {
  const attest = JSON.stringify({ hash: hexOf(purged_hash), through: String(purged_sequence) });
  const rows = await tx.$queryRaw<unknown[]>`
    select 1 from audit.visible_events where action = 'audit.purge' and actor_type = 'system' and metadata = ${attest} limit 1`;
  return rows.length > 0;
}
