import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { AppError, toAppError } from '@weir/kernel/errors';
import type { Dialect, Endpoint } from '../endpoints/endpoint.ts';
import { openFastLane, type FastLane } from '../fast-lane/fast-lane.ts';
import type { PlainHead } from '../fast-lane/request-head.ts';
import { answerBrokenRequest } from './broken-request.ts';
import type { Exchange } from './exchange.ts';
import type { ServeInference } from './inference.ts';
import type { ReadRoute, ServeRead } from './read-routes.ts';
import { NO_BODY, readBody } from './request-body.ts';
import type { Reached, ServeRequest } from './serve-request.ts';

export interface ServerOptions {
  readonly endpoints: readonly Endpoint[];
  readonly readRoutes: readonly ReadRoute[];
  readonly serveInference: ServeInference;
  readonly serveRead: ServeRead;
  readonly serveRequest: ServeRequest;
  /** The largest request body that is accepted. */
  readonly bodyBytesMax: number;
  /** The longest that one request may take. */
  readonly requestTimeoutMs: number;
}

/** The public HTTP server: plain requests to endpoints are served from the socket, all others by Fastify. */
export interface HttpServer {
  readonly fastify: FastifyInstance;
  readonly lane: FastLane;
}

/**
 * Headers and body of a request have to arrive within this time, or slow clients would pin connections. A form of 25 MiB
 * takes so long at 2 Mbit/s.
 */
const RECEIVE_TIMEOUT_MS = 120_000;
/** Longer than common balancers keep idle connections, so that it is they who close them. */
const KEEP_ALIVE_MS = 72_000;

/** A connection on which nothing has moved for longer than any request takes is that of a client that does not read. */
const UNREAD_MARGIN_MS = 1_000;

/** What there is at a path, for those who call it in a wrong way. */
interface KnownPath {
  readonly method: 'GET' | 'POST';
  readonly dialect: Dialect;
}

type KnownPaths = Map<string, KnownPath>;

/** An endpoint as requests reach it. */
interface EndpointRoute {
  readonly reached: Reached;
  readonly takesForms: boolean;
}

export function createServer(options: ServerOptions): HttpServer {
  const server = fastify({
    logger: false,
    bodyLimit: options.bodyBytesMax,
    requestTimeout: RECEIVE_TIMEOUT_MS,
    connectionTimeout: options.requestTimeoutMs + UNREAD_MARGIN_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    // Requests that arrive while stopping get an answer of ours, which says so in words.
    return503OnClosing: false,
    routerOptions: { ignoreTrailingSlash: true },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (_error, request, reply) => {
      const error = new AppError('INVALID_REQUEST', 'The path of the request is not a valid URL.');
      const refuse = (): Promise<never> => Promise.reject(error);
      takeOver(options, { endpoint: null, dialect: 'openai', serve: refuse }, request, reply);
    },
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  const known: KnownPaths = new Map();
  const routes = endpointRoutes(options);
  for (const [path, route] of routes) addEndpoint(server, options, path, route, known);
  for (const route of options.readRoutes) addReadRoute(server, options, route, known);
  addFailures(server, options, known);
  return { fastify: server, lane: addFastLane(server, options, routes) };
}

function endpointRoutes({ endpoints, serveInference }: ServerOptions): ReadonlyMap<string, EndpointRoute> {
  const routes = new Map<string, EndpointRoute>();
  for (const endpoint of endpoints) {
    const reached: Reached = {
      endpoint: endpoint.path,
      dialect: endpoint.dialect,
      serve: (exchange) => serveInference(endpoint, exchange),
    };
    const route = { reached, takesForms: endpoint.readForm !== undefined };
    for (const path of [endpoint.path, ...endpoint.aliases]) routes.set(path, route);
  }
  return routes;
}

function addEndpoint(
  server: FastifyInstance,
  options: ServerOptions,
  path: string,
  { reached, takesForms }: EndpointRoute,
  known: KnownPaths,
): void {
  known.set(path, { method: 'POST', dialect: reached.dialect });
  // In the first hook and not in a handler, before which Fastify would read the body, at twice the cost.
  const onRequest = (request: FastifyRequest, reply: FastifyReply): void => {
    reply.hijack();
    const { raw: req } = request;
    // A form is left on the socket, for whoever serves it to read while it arrives.
    if (takesForms && isForm(req)) serve(options, reached, { req, res: reply.raw, form: req });
    else receive(options, reached, req, reply.raw);
  };
  server.post(path, { onRequest }, NEVER_REACHED);
}

function addFastLane(
  server: FastifyInstance,
  { serveRequest, bodyBytesMax, requestTimeoutMs }: ServerOptions,
  routes: ReadonlyMap<string, EndpointRoute>,
): FastLane {
  const lane = openFastLane(server.server, {
    serveRequest,
    keepAliveMs: KEEP_ALIVE_MS,
    receiveTimeoutMs: RECEIVE_TIMEOUT_MS,
    unreadTimeoutMs: requestTimeoutMs + UNREAD_MARGIN_MS,
    reached(head: PlainHead) {
      const route = routes.get(head.url);
      if (!route || head.bodyBytes > bodyBytesMax) return undefined;
      return route.takesForms && isForm(head) ? undefined : route.reached;
    },
  });
  server.addHook('preClose', (done) => {
    lane.close();
    done();
  });
  return lane;
}

function addReadRoute(
  server: FastifyInstance,
  options: ServerOptions,
  route: ReadRoute,
  known: KnownPaths,
): void {
  for (const path of [route.path, ...route.aliases]) {
    const patterns = [
      ...(route.takesRest === 'always' ? [] : [{ pattern: path, hasRest: false }]),
      ...(route.takesRest === 'never' ? [] : [{ pattern: `${path}/*`, hasRest: true }]),
    ];
    for (const { pattern, hasRest } of patterns) {
      known.set(pattern, { method: 'GET', dialect: 'openai' });
      server.get(pattern, { exposeHeadRoute: false }, (request, reply) => {
        const rest = hasRest ? restOf(request) : '';
        const answer = (exchange: Exchange): Promise<void> => options.serveRead(route, rest, exchange);
        takeOver(
          options,
          { endpoint: route.path, dialect: dialectOf(request), serve: answer },
          request,
          reply,
        );
      });
    }
  }
}

/** Questions are asked at the same paths by everybody's clients; those of Anthropic always name their version. */
function dialectOf({ headers }: FastifyRequest): Dialect {
  return headers['anthropic-version'] === undefined ? 'openai' : 'anthropic';
}

/** What the pattern's `*` stands for; model names may contain slashes. */
function restOf({ params }: FastifyRequest): string {
  if (typeof params !== 'object' || params === null || !('*' in params)) return '';
  return typeof params['*'] === 'string' ? params['*'] : '';
}

/** Fastify wants a handler for every route. */
const NEVER_REACHED = (): never => {
  throw new Error('the request was taken by a hook');
};

function isForm({ headers }: { readonly headers: IncomingHttpHeaders }): boolean {
  const type = headers['content-type'];
  return type !== undefined && /^multipart\/form-data\b/i.test(type);
}

/** Reads the body first, and refuses one that cannot be read. */
function receive(options: ServerOptions, reached: Reached, req: IncomingMessage, res: ServerResponse): void {
  readBody(req, options.bodyBytesMax, (body, problem) => {
    if (!problem) {
      serve(options, reached, { req, res, body });
      return;
    }
    // More of it may follow.
    res.setHeader('connection', 'close');
    const refuse = (): Promise<never> => Promise.reject(problem);
    serve(options, { endpoint: null, dialect: reached.dialect, serve: refuse }, { req, res });
  });
}

/** Takes over from Fastify where there is no body, or nobody who would read it. */
function takeOver(
  options: ServerOptions,
  reached: Reached,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  reply.hijack();
  serve(options, reached, { req: request.raw, res: reply.raw });
}

function serve(
  options: ServerOptions,
  reached: Reached,
  received: { req: IncomingMessage; res: ServerResponse; body?: Buffer; form?: IncomingMessage },
): void {
  const { req, res, body = NO_BODY, form = null } = received;
  const { lifetime } = options.serveRequest(reached, { req, res, body, form });
  res.on('close', () => {
    if (!res.writableFinished) lifetime.end({ kind: 'client gone' });
  });
}

function addFailures(server: FastifyInstance, options: ServerOptions, known: KnownPaths): void {
  const fail = (request: FastifyRequest, reply: FastifyReply, error: AppError): void => {
    const dialect = dialectAt(known, pathOf(request));
    takeOver(options, { endpoint: null, dialect, serve: () => Promise.reject(error) }, request, reply);
  };
  server.setNotFoundHandler((request, reply) => {
    const path = pathOf(request);
    const method = knownPath(known, path)?.method;
    if (method === undefined) {
      fail(request, reply, new AppError('NOT_FOUND', `There is no ${path.slice(0, 128)} here.`));
      return;
    }
    reply.raw.setHeader('allow', method);
    fail(request, reply, new AppError('METHOD_NOT_ALLOWED', `${path} is called with ${method}.`));
  });
  server.setErrorHandler((thrown, request, reply) => {
    if (bodyErrorCode(thrown) === 'FST_ERR_CTP_BODY_TOO_LARGE') reply.raw.setHeader('connection', 'close');
    fail(request, reply, bodyError(thrown, options.bodyBytesMax));
  });
}

function pathOf({ raw }: FastifyRequest): string {
  const path = (raw.url ?? '/').split('?', 1)[0] ?? '/';
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

function knownPath(known: KnownPaths, path: string): KnownPath | undefined {
  const exact = known.get(path);
  if (exact) return exact;
  const [, wild] =
    [...known].find(([pattern]) => pattern.endsWith('/*') && path.startsWith(pattern.slice(0, -1))) ?? [];
  return wild;
}

/** What is not there below an endpoint's path is looked for by that endpoint's clients. */
function dialectAt(known: KnownPaths, path: string): Dialect {
  for (const [pattern, { dialect }] of known) {
    if (path === pattern || path.startsWith(`${pattern}/`)) return dialect;
  }
  return 'openai';
}

function bodyErrorCode(thrown: unknown): unknown {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined;
}

/** Fastify's own refusals of a request it could not read. */
function bodyError(thrown: unknown, bodyBytesMax: number): AppError {
  const code = bodyErrorCode(thrown);
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new AppError('PAYLOAD_TOO_LARGE', `The request body may have at most ${bodyBytesMax} bytes.`, {
      details: { limitBytes: bodyBytesMax },
    });
  }
  if (typeof code === 'string' && code.startsWith('FST_ERR_CTP_')) {
    return new AppError(
      'INVALID_REQUEST',
      'The request body could not be read: check Content-Type and Content-Length.',
    );
  }
  return toAppError(thrown);
}
