import type { FastifyInstance } from 'fastify';
import { oauthTokenRequestSchema } from '@weir/contracts/oauth-token';
import { internalOnly } from '@weir/graphql/internal-only';
import { AppError } from '@weir/kernel/errors';
import { newUuid } from '@weir/kernel/ids';
import type { Logger } from '@weir/service/logger';
import { problemResponse } from '@weir/service/problem';
import type { ClientGrant } from './modules/oauth-clients/client-grant.ts';

export interface OAuthRoutesDeps {
  readonly clientGrant: ClientGrant;
  readonly internalSecret: string;
  readonly log: Logger;
}

/** `POST /internal/oauth/token`: the gateway has read a token request and asks for its answer. */
export function addOAuthRoutes(
  app: FastifyInstance,
  { clientGrant, internalSecret, log }: OAuthRoutesDeps,
): void {
  app.post('/internal/oauth/token', { onRequest: internalOnly(internalSecret) }, async (request, reply) => {
    try {
      const parsed = oauthTokenRequestSchema.safeParse(request.body);
      if (!parsed.success) throw new AppError('INVALID_REQUEST', 'The request does not fit the contract.');
      return await clientGrant.token(parsed.data);
    } catch (thrown) {
      const { error, status, headers, body } = problemResponse(thrown, newUuid());
      if (error.spec.level === 'error') log.error({ err: thrown }, 'a token request failed');
      return reply.code(status).headers(headers).send(body);
    }
  });
}
