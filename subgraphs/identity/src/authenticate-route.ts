import type { FastifyInstance } from 'fastify';
import { authenticateRequestSchema } from '@weir/contracts/internal-identity';
import { internalOnly } from '@weir/graphql/internal-only';
import { AppError } from '@weir/kernel/errors';
import { newUuid } from '@weir/kernel/ids';
import type { Logger } from '@weir/service/logger';
import { problemResponse } from '@weir/service/problem';
import type { Authenticator } from './modules/sessions/authenticator.ts';

export interface AuthenticateRouteDeps {
  readonly authenticator: Authenticator;
  readonly internalSecret: string;
  readonly log: Logger;
}

/** `POST /internal/authenticate`: the gateway asks whose credential it has been given. */
export function addAuthenticateRoute(app: FastifyInstance, deps: AuthenticateRouteDeps): void {
  const { authenticator, internalSecret, log } = deps;
  app.post('/internal/authenticate', { onRequest: internalOnly(internalSecret) }, async (request, reply) => {
    try {
      const parsed = authenticateRequestSchema.safeParse(request.body);
      if (!parsed.success) throw new AppError('INVALID_REQUEST', 'Send an accessToken or an apiKey.');
      return await authenticator.authenticate(parsed.data);
    } catch (thrown) {
      const { error, status, headers, body } = problemResponse(thrown, newUuid());
      if (error.spec.level === 'error') log.error({ err: thrown }, 'authentication failed');
      return reply.code(status).headers(headers).send(body);
    }
  });
}
