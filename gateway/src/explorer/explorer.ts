import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '@weir/kernel/errors';
import { GRAPHQL_PATH } from '@weir/graphql/subgraph-server';
import { createExplorerAssets } from './assets.ts';

const ASSETS_PATH = '/explorer';

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Weir: GraphQL</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="${ASSETS_PATH}/graphiql.css" />
    <style>html, body, #root { height: 100%; margin: 0 }</style>
  </head>
  <body>
    <noscript>This page explores the GraphQL endpoint and needs JavaScript.</noscript>
    <div id="root"></div>
    <script src="${ASSETS_PATH}/graphiql.js"></script>
    <script src="${ASSETS_PATH}/explorer.js"></script>
  </body>
</html>
`;

/** Nothing from elsewhere is loaded or contacted; the editor writes its own styles and carries its fonts inline. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  'font-src data:',
  "worker-src 'self'",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
} as const;

/** A person who types the address into a browser; programs ask for JSON. */
function isNavigation(request: FastifyRequest): boolean {
  const path = request.url.split('?', 1)[0];
  return (
    request.method === 'GET' && path === GRAPHQL_PATH && (request.headers.accept ?? '').includes('text/html')
  );
}

/** Answers browsers at the GraphQL endpoint with GraphiQL, subscriptions included. */
export function serveExplorer(app: FastifyInstance): void {
  const assets = createExplorerAssets();
  app.addHook('onRequest', async (request, reply) => {
    if (isNavigation(request)) return reply.headers(PAGE_HEADERS).send(PAGE);
  });
  app.get('/', (_request, reply) => reply.redirect(GRAPHQL_PATH));
  app.get<{ Params: { file: string } }>(`${ASSETS_PATH}/:file`, async (request, reply) => {
    const asset = (await assets()).get(request.params.file);
    if (asset === undefined) throw new AppError('NOT_FOUND', 'The explorer has no such file.');
    return reply.type(asset.type).header('cache-control', 'public, max-age=3600').send(asset.body);
  });
}
