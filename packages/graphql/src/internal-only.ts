import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { INTERNAL_SECRET_HEADER } from '@weir/contracts/internal-identity';

/** Hashes have one length whatever was sent, which a constant-time comparison needs. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** A Fastify `onRequest` hook that answers 401 unless the caller knows the internal secret. */
export function internalOnly(internalSecret: string) {
  const expected = digest(internalSecret);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const given = request.headers[INTERNAL_SECRET_HEADER];
    if (typeof given === 'string' && timingSafeEqual(digest(given), expected)) return;
    await reply
      .code(401)
      .send({ code: 'UNAUTHENTICATED', detail: 'This path is for other services of the platform.' });
  };
}
