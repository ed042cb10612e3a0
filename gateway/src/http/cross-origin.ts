import type { FastifyInstance, FastifyReply } from 'fastify';
import { GRAPHQL_PATH } from '@weir/graphql/subgraph-server';
import { originIn } from '../auth/own-page.ts';

/** What pages may send besides what browsers let every page send. */
const REQUEST_HEADERS = [
  'authorization',
  'content-type',
  'x-api-key',
  'x-weir-session',
  'traceparent',
  'apollo-require-preflight',
].join(', ');
/** What pages may read besides the body. */
const ANSWER_HEADERS = 'x-request-id, retry-after, www-authenticate';
/** How long a browser may remember the answer to its preflight. */
const PREFLIGHT_SECONDS = 600;

function answerPreflight(reply: FastifyReply): FastifyReply {
  return reply
    .code(204)
    .header('access-control-allow-methods', 'GET, POST')
    .header('access-control-allow-headers', REQUEST_HEADERS)
    .header('access-control-max-age', PREFLIGHT_SECONDS)
    .send();
}

/**
 * Lets pages of exactly these origins read answers of GraphQL, also with cookies. For every other page nothing is said,
 * and its browser keeps the answer from it. Pages of the gateway's own origin need none of this.
 * @param origins For example `https://portal.example`.
 */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  const allowed = new Set(origins.map(originIn).filter((origin) => origin !== undefined));
  // Before everything else, so that refusals can be read, too.
  app.addHook('onRequest', async (request, reply) => {
    if (request.url.split('?', 1)[0] !== GRAPHQL_PATH) return;
    void reply.header('vary', 'Origin');
    const { origin } = request.headers;
    if (origin === undefined || !allowed.has(origin)) return;
    void reply
      .header('access-control-allow-origin', origin)
      .header('access-control-allow-credentials', 'true')
      .header('access-control-expose-headers', ANSWER_HEADERS);
    const isPreflight = request.headers['access-control-request-method'] !== undefined;
    if (request.method === 'OPTIONS' && isPreflight) return answerPreflight(reply);
  });
}
