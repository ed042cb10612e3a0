import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { fetch, type Dispatcher } from 'undici';
import { AUDIT_EXPORT_INTERNAL_PATH, type AuditDownload } from '@weir/contracts/audit-export';
import { INTERNAL_SECRET_HEADER } from '@weir/contracts/internal-identity';
import { AppError } from '@weir/kernel/errors';
import { originOf } from './origin.ts';

export interface AuditExportsOptions {
  readonly identityUrl: string;
  readonly internalSecret: string;
  readonly dispatcher: Dispatcher;
}

/** What reaches a client of the identity service's answer. */
const HEADERS = ['content-type', 'content-length', 'content-disposition', 'repr-digest'] as const;
const TIMEOUT_MS = 60_000;
const TOKEN = /^[\w-]{43}$/;

/** The files behind the links of `auditExport`: the token in the address is what gives access. */
export function serveAuditExports(app: FastifyInstance, options: AuditExportsOptions): void {
  const { internalSecret, dispatcher } = options;
  const url = new URL(AUDIT_EXPORT_INTERNAL_PATH, options.identityUrl);

  async function ask(download: AuditDownload) {
    try {
      return await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', [INTERNAL_SECRET_HEADER]: internalSecret },
        body: JSON.stringify(download),
        dispatcher,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch (cause) {
      throw new AppError(
        'DEPENDENCY_UNAVAILABLE',
        'Exports cannot be read at the moment. Try again shortly.',
        {
          cause,
        },
      );
    }
  }

  app.get<{ Params: { token: string } }>('/v1/audit/exports/:token', async (request, reply) => {
    const { requestId, ipAddress, userAgent } = originOf(request.headers, request.ip);
    const { token } = request.params;
    if (!TOKEN.test(token)) throw new AppError('NOT_FOUND', 'This link is not complete. Copy it as a whole.');
    const answer = await ask({ token, requestId, ipAddress, userAgent });
    for (const name of HEADERS) {
      const value = answer.headers.get(name);
      if (value !== null) void reply.header(name, value);
    }
    return reply
      .code(answer.status)
      .headers({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'x-request-id': requestId,
      })
      .send(answer.body ? Readable.fromWeb(answer.body) : '');
  });
}
