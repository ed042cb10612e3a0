import { createHash } from 'node:crypto';
import { z } from 'zod';
import { decodeId, ID_PREFIXES, type IdKind } from '@weir/kernel/ids';

/** A line of an export in NDJSON, with everything that was hashed. */
export const exportedEventSchema = z.object({
  sequence: z.string().regex(/^\d+$/),
  id: z.string(),
  occurredAt: z.iso.datetime(),
  organizationId: z.string().nullable(),
  actorType: z.string(),
  actorId: z.string().nullable(),
  actorName: z.string().nullable(),
  sessionId: z.string().nullable(),
  action: z.string(),
  targetType: z.string(),
  targetId: z.string().nullable(),
  targetName: z.string().nullable(),
  result: z.string(),
  ipAddress: z.string().nullable(),
  userAgent: z.string().nullable(),
  requestId: z.string().nullable(),
  metadata: z.string(),
  previousHash: z.string().regex(/^[0-9a-f]{64}$/),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});

export type ExportedEvent = z.output<typeof exportedEventSchema>;

const PLATFORM_CHAIN = '00000000-0000-0000-0000-000000000000';

/** The UUID behind a public id of any kind; what has no public form is as it was. */
function plain(id: string | null): string | null {
  if (id === null) return null;
  for (const kind of Object.keys(ID_PREFIXES) as IdKind[]) {
    const uuid = decodeId(kind, id);
    if (uuid !== undefined) return uuid;
  }
  return id;
}

/** Length in bytes, colon, text, comma; a hyphen and a comma for null. */
const field = (text: string | null): string =>
  text === null ? '-,' : `${String(Buffer.byteLength(text))}:${text},`;

/**
 * The hash that an event must have, computed here and not by the platform: SHA-256 over the hash before it and its fields
 * in the order of docs/audit.md.
 */
export function hashOfEvent(event: ExportedEvent): string {
  const fields = [
    'weir-audit-1',
    plain(event.organizationId) ?? PLATFORM_CHAIN,
    event.sequence,
    plain(event.id),
    String(Date.parse(event.occurredAt)),
    event.actorType,
    plain(event.actorId),
    event.actorName,
    plain(event.sessionId),
    event.action,
    event.targetType,
    plain(event.targetId),
    event.targetName,
    event.result,
    event.ipAddress,
    event.userAgent,
    event.requestId,
    event.metadata,
  ];
  return createHash('sha256')
    .update(Buffer.from(event.previousHash, 'hex'))
    .update(fields.map(field).join(''))
    .digest('hex');
}

export interface FileVerification {
  readonly events: number;
  /** The first that does not fit and why; undefined when all do. */
  readonly problem: { readonly sequence: string; readonly reason: string } | undefined;
}

/** An export may leave events out, so that a link is checked where both of its ends are there. */
export async function verifyLines(lines: AsyncIterable<string>): Promise<FileVerification> {
  let events = 0;
  let last: ExportedEvent | undefined;
  for await (const line of lines) {
    if (line === '') continue;
    const event = parse(line);
    if (!event)
      return {
        events,
        problem: { sequence: last ? `after ${last.sequence}` : 'first', reason: 'is no exported event' },
      };
    const problem = problemOf(event, last);
    if (problem !== undefined) return { events, problem: { sequence: event.sequence, reason: problem } };
    events += 1;
    last = event;
  }
  return { events, problem: undefined };
}

function parse(line: string): ExportedEvent | undefined {
  try {
    return exportedEventSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

function problemOf(event: ExportedEvent, last: ExportedEvent | undefined): string | undefined {
  if (hashOfEvent(event) !== event.hash) return 'is not what was written';
  if (!last) return undefined;
  const step = BigInt(event.sequence) - BigInt(last.sequence);
  if (step <= 0n) return 'is not in its place';
  if (step === 1n && event.previousHash !== last.hash) return 'does not follow the event before it';
  return undefined;
}
