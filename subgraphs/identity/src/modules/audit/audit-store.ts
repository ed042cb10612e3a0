import type { AuditActorType, AuditResult } from '@weir/contracts/audit';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import { Prisma } from '@weir/prisma/client';
import type { Transaction } from '@weir/prisma/tenant';
import type { AuditEvent } from './audit-event.ts';
import type { AuditConditions } from './audit-filter.ts';

interface Row {
  readonly id: string;
  readonly organization_id: string | null;
  readonly sequence: bigint;
  readonly occurred_at: Date;
  readonly actor_type: AuditActorType;
  readonly actor_id: string | null;
  readonly actor_name: string | null;
  readonly session_id: string | null;
  readonly action: string;
  readonly target_type: string;
  readonly target_id: string | null;
  readonly target_name: string | null;
  readonly result: AuditResult;
  readonly ip_address: string | null;
  readonly user_agent: string | null;
  readonly request_id: string | null;
  readonly metadata: string;
  readonly previous_hash: Uint8Array;
  readonly hash: Uint8Array;
}

const uuidOrNull = (text: string | null): Uuid | null => (text === null ? null : parseUuid(text));

function toEvent(row: Row): AuditEvent {
  return {
    id: parseUuid(row.id),
    organizationId: uuidOrNull(row.organization_id),
    sequence: row.sequence,
    occurredAt: row.occurred_at,
    actorType: row.actor_type,
    actorId: uuidOrNull(row.actor_id),
    actorName: row.actor_name,
    sessionId: uuidOrNull(row.session_id),
    action: row.action,
    targetType: row.target_type,
    targetId: row.target_id,
    targetName: row.target_name,
    result: row.result,
    ipAddress: row.ip_address,
    userAgent: row.user_agent,
    requestId: row.request_id,
    metadata: row.metadata,
    previousHash: row.previous_hash,
    hash: row.hash,
  };
}

const COLUMNS = Prisma.sql`id, organization_id, sequence, occurred_at, actor_type, actor_id, actor_name, session_id,
  action, target_type, target_id, target_name, result, ip_address, user_agent, request_id, metadata, previous_hash, hash`;

/** The first event from an instant on. Events are in the order of time, so every range of time is one of the sequence. */
const firstFrom = (instant: Date): Prisma.Sql => Prisma.sql`(
  select sequence from audit.visible_events where occurred_at >= ${instant} order by occurred_at, sequence limit 1)`;

const MAX_SEQUENCE = 2n ** 63n - 1n;

function clausesOf(conditions: AuditConditions): Prisma.Sql[] {
  const { actions, actorType, actorId, targetType, targetId, result, since, until, words } = conditions;
  return [
    ...(actions ? [Prisma.sql`action = any (${[...actions]})`] : []),
    ...(actorType ? [Prisma.sql`actor_type = ${actorType}`] : []),
    ...(actorId ? [Prisma.sql`actor_id = ${actorId}::uuid`] : []),
    ...(targetType ? [Prisma.sql`target_type = ${targetType}`] : []),
    ...(targetId ? [Prisma.sql`target_id = ${targetId}`] : []),
    ...(result ? [Prisma.sql`result = ${result}`] : []),
    ...(since ? [Prisma.sql`sequence >= ${firstFrom(since)}`] : []),
    ...(until ? [Prisma.sql`sequence < coalesce(${firstFrom(until)}, ${MAX_SEQUENCE})`] : []),
    ...(words
      ? [Prisma.sql`search @@ to_tsquery('simple', ${words.map((word) => `${word}:*`).join(' & ')})`]
      : []),
  ];
}

const whereOf = (clauses: readonly Prisma.Sql[]): Prisma.Sql =>
  clauses.length === 0 ? Prisma.empty : Prisma.sql`where ${Prisma.join([...clauses], ' and ')}`;

/** Reads the trail that the transaction may see: its organization's, or the platform's own. */
export function createAuditStore(tx: Transaction) {
  return {
    async byId(id: Uuid): Promise<AuditEvent | undefined> {
      const rows = await tx.$queryRaw<
        Row[]
      >`select ${COLUMNS} from audit.visible_events where id = ${id}::uuid`;
      return rows.map(toEvent).at(0);
    },

    /** The newest first, before a place in the chain. */
    async list(
      conditions: AuditConditions,
      { before, take }: { readonly before?: bigint | undefined; readonly take: number },
    ): Promise<AuditEvent[]> {
      const clauses = clausesOf(conditions);
      if (before !== undefined) clauses.push(Prisma.sql`sequence < ${before}`);
      const rows = await tx.$queryRaw<Row[]>`
        select ${COLUMNS} from audit.visible_events ${whereOf(clauses)} order by sequence desc limit ${take}`;
      return rows.map(toEvent);
    },

    /** The oldest first, after a place in the chain. */
    async oldest(conditions: AuditConditions, after: bigint, take: number): Promise<AuditEvent[]> {
      const clauses = [...clausesOf(conditions), Prisma.sql`sequence > ${after}`];
      const rows = await tx.$queryRaw<Row[]>`
        select ${COLUMNS} from audit.visible_events ${whereOf(clauses)} order by sequence limit ${take}`;
      return rows.map(toEvent);
    },

    /** How many fit, counted up to a bound, and the last of them; 0 when none does. */
    async count(
      conditions: AuditConditions,
      max: number,
    ): Promise<{ readonly events: number; readonly lastSequence: bigint }> {
      const rows = await tx.$queryRaw<{ events: bigint; last: bigint }[]>`
        select count(*) as events, coalesce(max(sequence), 0) as last
        from (select sequence from audit.visible_events ${whereOf(clausesOf(conditions))} limit ${max}) fitting`;
      return { events: Number(rows[0]?.events ?? 0n), lastSequence: rows[0]?.last ?? 0n };
    },

    async at(sequence: bigint): Promise<AuditEvent | undefined> {
      const rows = await tx.$queryRaw<Row[]>`
        select ${COLUMNS} from audit.visible_events where sequence = ${sequence}`;
      return rows.map(toEvent).at(0);
    },
  };
}
