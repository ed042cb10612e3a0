import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';
import { oauthTokenRequestSchema, oauthTokenUseSchema } from '@weir/contracts/oauth-token';
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

/** Below `/internal/oauth/`: the gateway has read the request of a program and asks for its answer. */
export function addOAuthRoutes(
  app: FastifyInstance,
  { clientGrant, internalSecret, log }: OAuthRoutesDeps,
): void {
  function answer<Request>(
    name: string,
    schema: z.ZodType<Request>,
    decide: (request: Request) => Promise<object>,
  ): void {
    app.post(
      `/internal/oauth/${name}`,
      { onRequest: internalOnly(internalSecret) },
      async (request, reply) => {
        try {
          const parsed = schema.safeParse(request.body);
          if (!parsed.success)
            throw new AppError('INVALID_REQUEST', 'The request does not fit the contract.');
          return await decide(parsed.data);
        } catch (thrown) {
          const { error, status, headers, body } = problemResponse(thrown, newUuid());
          if (error.spec.level === 'error') log.error({ err: thrown }, `a ${name} request failed`);
          return reply.code(status).headers(headers).send(body);
        }
      },
    );
  }
  answer('token', oauthTokenRequestSchema, (request) => clientGrant.token(request));
  answer('introspection', oauthTokenUseSchema, (request) => clientGrant.introspect(request));
  answer('revocation', oauthTokenUseSchema, (request) => clientGrant.revoke(request));
}
