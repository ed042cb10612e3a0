import { createHash } from 'node:crypto';
import { stringify } from 'csv-stringify/sync';
import { encodeId } from '@weir/kernel/ids';
import type { Database } from '@weir/prisma/database';
import { actorIdOf, hexOf, targetIdOf, type AuditEvent } from './audit-event.ts';
import type { AuditConditions } from './audit-filter.ts';
import { createAuditStore } from './audit-store.ts';
import { withTrail, type TrailOwner } from './trail.ts';

export const EXPORT_FORMATS = ['NDJSON', 'CSV'] as const;

export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Which events of whose trail; as none of them ever changes, the file is the same whenever it is made. */
export interface ExportSelection {
  readonly owner: TrailOwner;
  readonly conditions: AuditConditions;
  readonly format: ExportFormat;
  /** The last event that belongs to it, so that what happens later does not. */
  readonly lastSequence: bigint;
}

const BATCH = 1_000;

/** In the order of the columns; everything that is hashed is there, so that a file can be verified by itself. */
function recordOf(event: AuditEvent) {
  return {
    sequence: String(event.sequence),
    id: encodeId('auditEvent', event.id),
    occurredAt: event.occurredAt.toISOString(),
    organizationId: event.organizationId && encodeId('organization', event.organizationId),
    actorType: event.actorType,
    actorId: actorIdOf(event),
    actorName: event.actorName,
    sessionId: event.sessionId && encodeId('session', event.sessionId),
    action: event.action,
    targetType: event.targetType,
    targetId: targetIdOf(event),
    targetName: event.targetName,
    result: event.result,
    ipAddress: event.ipAddress,
    userAgent: event.userAgent,
    requestId: event.requestId,
    metadata: event.metadata,
    previousHash: hexOf(event.previousHash),
    hash: hexOf(event.hash),
  };
}

type ExportRecord = ReturnType<typeof recordOf>;

const COLUMNS: readonly (keyof ExportRecord)[] = [
  'sequence',
  'id',
  'occurredAt',
  'organizationId',
  'actorType',
  'actorId',
  'actorName',
  'sessionId',
  'action',
  'targetType',
  'targetId',
  'targetName',
  'result',
  'ipAddress',
  'userAgent',
  'requestId',
  'metadata',
  'previousHash',
  'hash',
];

/** A cell that a spreadsheet would take for a formula gets an apostrophe in front. */
const csvOf = (rows: readonly (readonly unknown[])[]): string =>
  stringify([...rows.map((row) => [...row])], { escape_formulas: true });

function textOf(format: ExportFormat, events: readonly AuditEvent[]): string {
  const records = events.map(recordOf);
  return format === 'NDJSON'
    ? records.map((record) => `${JSON.stringify(record)}\n`).join('')
    : csvOf(records.map((record) => COLUMNS.map((column) => record[column])));
}

/** The file in parts, the oldest event first. */
export async function* exportContent(db: Database, selection: ExportSelection): AsyncGenerator<string> {
  const { owner, conditions, format, lastSequence } = selection;
  if (format === 'CSV') yield csvOf([COLUMNS]);
  for (let after = 0n; ;) {
    const from = after;
    const found = await withTrail(db, owner, (tx) => createAuditStore(tx).oldest(conditions, from, BATCH));
    const events = found.filter((event) => event.sequence <= lastSequence);
    if (events.length > 0) yield textOf(format, events);
    if (events.length < BATCH) return;
    after = events.at(-1)?.sequence ?? after;
  }
}

export interface ExportSummary {
  readonly sha256: Uint8Array<ArrayBuffer>;
  readonly bytes: number;
}

export async function summaryOf(content: AsyncIterable<string>): Promise<ExportSummary> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const part of content) {
    hash.update(part);
    bytes += Buffer.byteLength(part);
  }
  return { sha256: new Uint8Array(hash.digest()), bytes };
}
