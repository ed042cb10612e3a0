import { z } from 'zod';
import { AUDIT_ACTOR_TYPES, AUDIT_RESULTS } from '@weir/contracts/audit';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { Transaction } from '@weir/prisma/tenant';
import {
  EXPORT_FORMATS,
  type ExportFormat,
  type ExportSelection,
  type ExportSummary,
} from './audit-export-content.ts';

const uuid = z.uuid().transform((text) => text as Uuid);

/** What `JSON.stringify` made of conditions and place. */
const selectionSchema = z.object({
  lastSequence: z.string().transform(BigInt),
  conditions: z.object({
    actions: z.array(z.string()).optional(),
    actorType: z.enum(AUDIT_ACTOR_TYPES).optional(),
    actorId: uuid.optional(),
    targetType: z.string().optional(),
    targetId: uuid.optional(),
    result: z.enum(AUDIT_RESULTS).optional(),
    since: z.iso
      .datetime()
      .transform((text) => new Date(text))
      .optional(),
    until: z.iso
      .datetime()
      .transform((text) => new Date(text))
      .optional(),
    words: z.array(z.string()).optional(),
  }),
});

export interface AuditExport extends ExportSummary {
  readonly id: Uuid;
  readonly selection: ExportSelection;
  readonly events: number;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

interface Row {
  readonly id: string;
  readonly chain_id: string;
  readonly format: ExportFormat;
  readonly conditions: unknown;
  readonly events: number;
  readonly bytes: bigint;
  readonly sha256: Uint8Array<ArrayBuffer>;
  readonly created_at: Date;
  readonly expires_at: Date;
}

/** Stands for the platform in the column of the chain. */
const PLATFORM = parseUuid('00000000-0000-0000-0000-000000000000');

export function createAuditExportStore(tx: Transaction) {
  return {
    async insert(exported: AuditExport, tokenHash: Uint8Array, createdBy: string): Promise<void> {
      const { id, selection, events, bytes, sha256, createdAt, expiresAt } = exported;
      const { owner, format, conditions, lastSequence } = selection;
      const stored = JSON.stringify({ conditions, lastSequence: String(lastSequence) });
      await tx.$executeRaw`
        insert into audit.exports (id, chain_id, token_hash, format, conditions, events, bytes, sha256, created_by,
          created_at, expires_at)
        values (${id}::uuid, ${owner ?? PLATFORM}::uuid, ${tokenHash}, ${format}, ${stored}::jsonb, ${events}, ${bytes},
          ${sha256}, ${createdBy}, ${createdAt}, ${expiresAt})`;
    },

    /** Of any organization: whoever has the token may have the file. */
    async byToken(tokenHash: Uint8Array): Promise<AuditExport | undefined> {
      const [row] = await tx.$queryRaw<Row[]>`
        select id, chain_id, format, conditions, events, bytes, sha256, created_at, expires_at
        from audit.exports where token_hash = ${tokenHash}`;
      if (!row) return undefined;
      const format = EXPORT_FORMATS.find((known) => known === row.format) ?? 'NDJSON';
      const owner = row.chain_id === PLATFORM ? null : parseUuid(row.chain_id);
      return {
        id: parseUuid(row.id),
        selection: { ...selectionSchema.parse(row.conditions), owner, format },
        events: row.events,
        bytes: Number(row.bytes),
        sha256: row.sha256,
        createdAt: row.created_at,
        expiresAt: row.expires_at,
      };
    },

    /** Links of every organization that nobody can use any more. */
    async removeExpired(): Promise<void> {
      await tx.$executeRaw`select audit.remove_expired_exports()`;
    },
  };
}
