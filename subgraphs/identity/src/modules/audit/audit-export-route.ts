import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { AUDIT_EXPORT_INTERNAL_PATH, auditDownloadSchema } from '@weir/contracts/audit-export';
import { internalOnly } from '@weir/graphql/internal-only';
import { AppError } from '@weir/kernel/errors';
import type { Logger } from '@weir/service/logger';
import { problemResponse } from '@weir/service/problem';
import type { AuditExports } from './audit-export-service.ts';

const TYPES = { NDJSON: 'application/x-ndjson; charset=utf-8', CSV: 'text/csv; charset=utf-8' } as const;

export interface AuditExportRouteDeps {
  readonly exports: AuditExports;
  readonly internalSecret: string;
  readonly log: Logger;
}

/** The gateway asks for the file behind a link; it is sent in parts as it is read. */
export function addAuditExportRoute(app: FastifyInstance, deps: AuditExportRouteDeps): void {
  const { exports, internalSecret, log } = deps;
  app.post(
    AUDIT_EXPORT_INTERNAL_PATH,
    { onRequest: internalOnly(internalSecret) },
    async (request, reply) => {
      const asked = auditDownloadSchema.safeParse(request.body);
      try {
        if (!asked.success) throw new AppError('INVALID_REQUEST', 'Send the token of a link.');
        const { token, ...by } = asked.data;
        const { exported, content } = await exports.download(token, by);
        const { format } = exported.selection;
        const day = exported.createdAt.toISOString().slice(0, 10);
        return await reply
          .type(TYPES[format])
          .header('content-length', exported.bytes)
          .header('content-disposition', `attachment; filename="audit-${day}.${format.toLowerCase()}"`)
          .header('repr-digest', `sha-256=:${Buffer.from(exported.sha256).toString('base64')}:`)
          .send(Readable.from(content));
      } catch (thrown) {
        const requestId = asked.success ? (asked.data.requestId ?? '') : '';
        const { error, status, headers, body } = problemResponse(thrown, requestId);
        if (error.spec.level === 'error') log.error({ err: thrown }, 'an export could not be sent');
        return reply.code(status).headers(headers).send(body);
      }
    },
  );
}
