import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Clock } from '@weir/kernel/clock';
import { AppError, toAppError } from '@weir/kernel/errors';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { createExchange, type Exchange } from './exchange.ts';
import type { ServeInference } from './inference.ts';
import type { LiveRequests } from './live-requests.ts';
import type { ReadRoute, ServeRead } from './read-routes.ts';
import type { Reporter } from './report.ts';

export interface ServerOptions {
  readonly endpoints: readonly Endpoint[];
  readonly readRoutes: readonly ReadRoute[];
  readonly serveInference: ServeInference;
  readonly serveRead: ServeRead;
  readonly live: LiveRequests;
  readonly reporter: Reporter;
  readonly clock: Clock;
  /** The largest request body that is accepted. */
  readonly bodyBytesMax: number;
  /** The longest that one request may take, its stream included. */
  readonly requestTimeoutMs: number;
  /** Requests served at once; one more is refused instead of making all of them slow. */
  readonly inFlightMax: number;
  /** Why no request can be served at present, or null. */
  readonly refusal: () => AppError | null;
}

/** Headers and body of a request have to arrive within this time, or slow clients would pin connections. */
const RECEIVE_TIMEOUT_MS = 30_000;
/** Longer than common balancers keep idle connections, so that it is they who close them. */
const KEEP_ALIVE_MS = 72_000;

type Serve = (exchange: Exchange) => Promise<void>;

/** The public HTTP server. Answers are written to the socket directly; Fastify routes and reads bodies. */
export function createServer(options: ServerOptions): FastifyInstance {
  const server = fastify({
    logger: false,
    bodyLimit: options.bodyBytesMax,
    requestTimeout: RECEIVE_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    // Requests that arrive while stopping get an answer of ours, which says so in words.
    return503OnClosing: false,
    routerOptions: { ignoreTrailingSlash: true },
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  const allowed = new Map<string, string>();
  for (const endpoint of options.endpoints) addEndpoint(server, options, endpoint, allowed);
  for (const route of options.readRoutes) addReadRoute(server, options, route, allowed);
  addFailures(server, options, allowed);
  return server;
}

function addEndpoint(
  server: FastifyInstance,
  options: ServerOptions,
  endpoint: Endpoint,
  allowed: Map<string, string>,
): void {
  const serve: Serve = (exchange) => options.serveInference(endpoint, exchange);
  for (const path of [endpoint.path, ...endpoint.aliases]) {
    allowed.set(path, 'POST');
    server.post(path, (request, reply) => {
      handle(options, endpoint.path, serve, request, reply);
    });
  }
}

function addReadRoute(
  server: FastifyInstance,
  options: ServerOptions,
  route: ReadRoute,
  allowed: Map<string, string>,
): void {
  for (const path of [route.path, ...route.aliases]) {
    const patterns = [
      ...(route.takesRest === 'always' ? [] : [{ pattern: path, hasRest: false }]),
      ...(route.takesRest === 'never' ? [] : [{ pattern: `${path}/*`, hasRest: true }]),
    ];
    for (const { pattern, hasRest } of patterns) {
      allowed.set(pattern, 'GET');
      server.get(pattern, { exposeHeadRoute: false }, (request, reply) => {
        const rest = hasRest ? restOf(request) : '';
        handle(options, route.path, (exchange) => options.serveRead(route, rest, exchange), request, reply);
      });
    }
  }
}

/** What the pattern's `*` stands for; model names may contain slashes. */
function restOf({ params }: FastifyRequest): string {
  if (typeof params !== 'object' || params === null || !('*' in params)) return '';
  return typeof params['*'] === 'string' ? params['*'] : '';
}

/** Every request ends here: it is counted, bounded in time, answered once and reported once. */
function handle(
  options: ServerOptions,
  endpoint: string | null,
  serve: Serve,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const { live, reporter, clock } = options;
  reply.hijack();
  const exchange = createExchange({
    req: request.raw,
    res: reply.raw,
    body: Buffer.isBuffer(request.body) ? request.body : NO_BODY,
    nowMs: clock.now(),
    timeoutMs: options.requestTimeoutMs,
  });
  live.add(exchange);
  void serveOrFail(options, serve, exchange).then((error) => {
    live.delete(exchange);
    reporter.finished(exchange, endpoint, error);
  });
}

const NO_BODY = Buffer.alloc(0);

async function serveOrFail(
  options: ServerOptions,
  serve: Serve,
  exchange: Exchange,
): Promise<AppError | null> {
  try {
    const refusal = options.refusal() ?? (options.live.size > options.inFlightMax ? tooBusy() : null);
    if (refusal) throw refusal;
    await serve(exchange);
    return null;
  } catch (thrown) {
    const { ending } = exchange.lifetime;
    // What was waited for was given up because the request was stopped: that is the reason to tell.
    const reason = ending?.kind === 'stopped' ? ending.error : thrown;
    return exchange.answer.fail(reason, exchange.limitHeaders);
  }
}

function tooBusy(): AppError {
  return new AppError(
    'DEPENDENCY_UNAVAILABLE',
    'Too many requests are being served right now. Try again shortly.',
    {
      retryAfterSeconds: 1,
    },
  );
}

function addFailures(
  server: FastifyInstance,
  options: ServerOptions,
  allowed: ReadonlyMap<string, string>,
): void {
  const fail = (request: FastifyRequest, reply: FastifyReply, error: AppError): void => {
    handle(options, null, () => Promise.reject(error), request, reply);
  };
  server.setNotFoundHandler((request, reply) => {
    const path = (request.raw.url ?? '/').split('?', 1)[0] ?? '/';
    const method = methodFor(allowed, path);
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

function methodFor(allowed: ReadonlyMap<string, string>, path: string): string | undefined {
  const plain = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  const known = allowed.get(plain);
  if (known !== undefined) return known;
  const [, method] =
    [...allowed].find(([path]) => path.endsWith('/*') && plain.startsWith(path.slice(0, -1))) ?? [];
  return method;
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
