import type { FastifyInstance, FastifyReply } from 'fastify';
import type { z } from 'zod';
import { oidcBeginRequestSchema, oidcCompleteRequestSchema } from '@weir/contracts/oidc-sign-in';
import { internalOnly } from '@weir/graphql/internal-only';
import { AppError } from '@weir/kernel/errors';
import { decodeId, newUuid, type Uuid } from '@weir/kernel/ids';
import type { Logger } from '@weir/service/logger';
import { problemResponse } from '@weir/service/problem';
import type { OidcSignIn } from './modules/oidc/oidc-sign-in.ts';

export interface OidcRoutesDeps {
  readonly oidcSignIn: OidcSignIn;
  readonly internalSecret: string;
  readonly log: Logger;
}

function providerIdIn(text: string): Uuid {
  const id = decodeId('oidcProvider', text);
  if (id === undefined) throw new AppError('NOT_FOUND', 'There is no such sign-in provider.');
  return id;
}

/** `POST /internal/oidc/begin` and `/internal/oidc/complete`: the gateway asks for a browser that signs in elsewhere. */
export function addOidcRoutes(
  app: FastifyInstance,
  { oidcSignIn, internalSecret, log }: OidcRoutesDeps,
): void {
  function route<Body>(path: string, schema: z.ZodType<Body>, answer: (body: Body) => Promise<object>): void {
    app.post(
      path,
      { onRequest: internalOnly(internalSecret) },
      async (request, reply): Promise<FastifyReply | object> => {
        try {
          const parsed = schema.safeParse(request.body);
          if (!parsed.success)
            throw new AppError('INVALID_REQUEST', 'The request does not fit the contract.');
          return await answer(parsed.data);
        } catch (thrown) {
          const { error, status, headers, body } = problemResponse(thrown, newUuid());
          if (error.spec.level !== 'info') log.warn({ err: thrown }, 'signing in through a provider failed');
          return reply.code(status).headers(headers).send(body);
        }
      },
    );
  }
  route('/internal/oidc/begin', oidcBeginRequestSchema, ({ providerId, returnTo, invitation }) =>
    oidcSignIn.begin(providerIdIn(providerId), returnTo, invitation),
  );
  route('/internal/oidc/complete', oidcCompleteRequestSchema, (request) =>
    oidcSignIn.complete(providerIdIn(request.providerId), request),
  );
}
