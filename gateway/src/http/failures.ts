import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '@weir/kernel/errors';
import { newUuid } from '@weir/kernel/ids';
import { extensionsOf } from '@weir/graphql/format-error';
import { GRAPHQL_PATH } from '@weir/graphql/subgraph-server';
import type { Logger } from '@weir/service/logger';
import { problemResponse } from '@weir/service/problem';

/** What Fastify refuses before GraphQL sees it, in the platform's codes. */
function refusalOf(thrown: unknown, bodyBytesMax: number): unknown {
  const status =
    typeof thrown === 'object' && thrown !== null && 'statusCode' in thrown ? thrown.statusCode : undefined;
  switch (status) {
    case 413:
      return new AppError(
        'PAYLOAD_TOO_LARGE',
        `The request body is larger than the ${bodyBytesMax} bytes allowed.`,
      );
    case 415:
      return new AppError('UNSUPPORTED_MEDIA_TYPE', 'Send the operation as application/json.');
    case 400:
      return new AppError('INVALID_REQUEST', 'The request body is not valid JSON.');
    default:
      return thrown;
  }
}

function isGraphqlRequest(request: FastifyRequest): boolean {
  return request.url.split('?', 1)[0] === GRAPHQL_PATH;
}

function send(request: FastifyRequest, reply: FastifyReply, thrown: unknown): FastifyReply {
  const requestId = newUuid();
  const { error, status, headers, body } = problemResponse(thrown, requestId);
  void reply.code(status).header('x-request-id', requestId);
  if (!isGraphqlRequest(request)) return reply.headers(headers).send(body);
  const extensions = { ...extensionsOf(error), requestId };
  return reply
    .type('application/json')
    .send(JSON.stringify({ errors: [{ message: error.detail, extensions }] }));
}

/** Failures outside of an operation: GraphQL's shape at the GraphQL endpoint, problem+json everywhere else. */
export function addFailures(app: FastifyInstance, bodyBytesMax: number, log: Logger): void {
  app.setErrorHandler((thrown, request, reply) => {
    const refusal = refusalOf(thrown, bodyBytesMax);
    if (!(refusal instanceof AppError)) log.error({ err: thrown, url: request.url }, 'request failed');
    return send(request, reply, refusal);
  });
  app.setNotFoundHandler((request, reply) =>
    send(
      request,
      reply,
      new AppError('NOT_FOUND', `There is nothing here. GraphQL is served at ${GRAPHQL_PATH}.`),
    ),
  );
}
