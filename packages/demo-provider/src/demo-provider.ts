import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createAccessTokens } from './access-tokens.ts';
import { answerOf, NOTHING_BILLED, promptTokens } from './answer.ts';
import { parseChatRequest, RequestError, type ChatRequest } from './chat-request.ts';
import { parseMessageRequest } from './message-request.ts';
import { DEMO_MODELS, FAULTS, optionsInPrompt, parseModelName, type Behaviour } from './models.ts';
import type { Operation } from './operation.ts';
import { OPERATIONS, readOperation } from './operations.ts';
import { placeOf, type Credential, type Place } from './places.ts';
import { inAnthropicShape, refusal, refusalOf, wrongKey, type Refusal } from './refusals.ts';
import { respond, sendRefusal, sendWhole } from './respond.ts';
import { createServedBook, type Served, type ServedRecord } from './served.ts';

/** The key that is accepted when no other is configured. It guards nothing of value: the provider is a demo. */
export const DEMO_PROVIDER_API_KEY = 'sk-demo-provider';

export interface DemoProviderOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Keys it accepts; default `[DEMO_PROVIDER_API_KEY]`. */
  readonly apiKeys?: readonly string[];
  /** Keys that are accepted and then always meet a fault: key → model name, for example `demo-fault-429-2`. */
  readonly faultByApiKey?: Readonly<Record<string, string>>;
  /** The public key (PEM) of the service account that gets tokens for the paths of Vertex. */
  readonly serviceAccountKey?: string;
  readonly log?: { error(details: object, message: string): void };
}

export interface DemoProvider {
  /** Without `/v1`, for example `http://127.0.0.1:4900`. */
  readonly url: string;
  readonly port: number;
  /** How many requests for an answer arrived, refused ones included. */
  requests(): number;
  /** How many access tokens were issued to the service account. */
  tokensIssued(): number;
  /** What it served and would bill, to compare a ledger with. Also `GET /demo/served`. */
  served(): Served;
  /** Closes every connection, running answers included. */
  stop(): Promise<void>;
}

const RECORDS_MAX = 10_000;
const BODY_BYTES_MAX = 32 * 1024 * 1024;

async function readBody(req: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of req as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > BODY_BYTES_MAX) throw new RequestError('The body is too large.', null, 413);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** The key as it is shown in one way; empty where it is not. */
function keyOf({ headers }: IncomingMessage, credential: Credential): string {
  if (credential === 'api-key' || credential === 'x-api-key') {
    const key = headers[credential];
    return typeof key === 'string' ? key : '';
  }
  const header = headers.authorization ?? '';
  return header.startsWith('Bearer ') ? header.slice('Bearer '.length).trim() : '';
}

function requestIdOf(req: IncomingMessage): string | null {
  const { headers } = req;
  const id = headers['x-client-request-id'] ?? headers['x-request-id'] ?? headers['idempotency-key'];
  return typeof id === 'string' ? id : null;
}

function sendJson(res: ServerResponse, value: unknown): void {
  sendRefusal(res, { status: 200, headers: {}, message: '', body: JSON.stringify(value) });
}

function modelList(): object {
  const names = [...Object.keys(DEMO_MODELS), ...Object.keys(FAULTS).map((fault) => `demo-fault-${fault}`)];
  const data = names.map((id) => ({ id, object: 'model', created: 1_767_225_600, owned_by: 'demo' }));
  return { object: 'list', data };
}

function unknownModel(name: string): Refusal {
  const message = `The model \`${name}\` does not exist or you do not have access to it.`;
  return refusal(404, 'invalid_request_error', 'model_not_found', message, { param: 'model' });
}

function refusalFor(error: unknown): Refusal {
  if (!(error instanceof RequestError))
    return refusal(500, 'server_error', null, 'The demo provider failed.');
  return refusal(error.status, 'invalid_request_error', error.code, error.message, { param: error.param });
}

function requestAt({ does, model, stream }: Place, body: string): ChatRequest {
  const request =
    does === 'chat'
      ? parseChatRequest(body, model)
      : parseMessageRequest(body, { modelOfPath: model, isCount: does === 'count' });
  return { ...request, stream: stream ?? request.stream };
}

function shapedFor(place: Place | undefined, refused: Refusal): Refusal {
  return place && place.does !== 'chat' ? inAnthropicShape(refused) : refused;
}

/** Starts a provider whose answers depend on nothing but the request. */
export async function startDemoProvider(options: DemoProviderOptions = {}): Promise<DemoProvider> {
  const faultByApiKey = new Map(Object.entries(options.faultByApiKey ?? {}));
  const apiKeys = new Set([...(options.apiKeys ?? [DEMO_PROVIDER_API_KEY]), ...faultByApiKey.keys()]);
  const tokens = createAccessTokens(options.serviceAccountKey);
  const book = createServedBook(RECORDS_MAX);
  let requests = 0;

  /** The key that a request may ask with here; a key that comes in another way than the place takes is none. */
  function knownKey(req: IncomingMessage, credentials: readonly Credential[]): string | undefined {
    for (const credential of credentials) {
      const key = keyOf(req, credential);
      if (credential === 'token' ? tokens.isKnown(key) : apiKeys.has(key)) return key;
    }
    return undefined;
  }

  async function answer(
    place: Place,
    path: string,
    key: string,
    req: IncomingMessage,
    res: ServerResponse,
  ): Promise<void> {
    requests += 1;
    const request = requestAt(place, (await readBody(req)).toString('utf8'));
    const name = request.model.startsWith(place.namePrefix)
      ? request.model.slice(place.namePrefix.length)
      : request.model;
    const note = { requestId: requestIdOf(req), path, model: name, stream: request.stream };
    const behaviour = behaviourFor(note, key, (refused) => sendRefusal(res, shapedFor(place, refused)));
    if (!behaviour) return;
    if (place.does === 'count') {
      book.add({ ...note, status: 200, outcome: 'answered', billed: NOTHING_BILLED });
      sendJson(res, { input_tokens: promptTokens(request) });
      return;
    }
    const given = answerOf(request, behaviour, {
      ...behaviour.options,
      ...optionsInPrompt(request.lastMessage),
    });
    const ending = await respond(res, request, given, behaviour, place.form);
    book.add({ ...note, status: 200, outcome: ending.outcome, billed: ending.billed });
    ending.finish();
  }

  /** Undefined where the request was refused. */
  function behaviourFor(
    note: Pick<ServedRecord, 'requestId' | 'path' | 'model' | 'stream'>,
    key: string,
    refuse: (refused: Refusal) => void,
  ): Behaviour | undefined {
    const behaviour = parseModelName(faultByApiKey.get(key) ?? note.model);
    const refused = behaviour
      ? behaviour.fault && refusalOf(behaviour.fault.name, behaviour.fault.number)
      : unknownModel(note.model);
    if (!refused) return behaviour;
    book.add({ ...note, status: refused.status, outcome: 'refused', billed: NOTHING_BILLED });
    refuse(refused);
    return undefined;
  }

  /** Everything but conversations is answered at once and whole. */
  async function operate(
    operation: Operation,
    path: string,
    key: string,
    req: IncomingMessage,
    res: ServerResponse,
  ): Promise<void> {
    requests += 1;
    const { model, members, file } = await readOperation(req, await readBody(req));
    const note = { requestId: requestIdOf(req), path, model };
    const behaviour = behaviourFor({ ...note, stream: false }, key, (refused) => sendRefusal(res, refused));
    if (!behaviour) return;
    const withUsage = behaviour.fault?.name !== 'no-usage';
    const { contentType, body, billed, stream } = operation({ model, behaviour, members, file, withUsage });
    book.add({ ...note, stream, status: 200, outcome: 'answered', billed });
    sendWhole(res, contentType, body);
  }

  async function route(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { pathname: path, searchParams } = new URL(req.url ?? '/', 'http://demo');
    if (req.method === 'POST' && path === '/token') {
      const { status, body } = tokens.exchange((await readBody(req)).toString('utf8'));
      return sendRefusal(res, { status, headers: {}, message: '', body: JSON.stringify(body) });
    }
    const place = req.method === 'POST' ? placeOf(path, searchParams) : undefined;
    if (place) {
      const key = knownKey(req, place.credentials);
      if (key === undefined) return sendRefusal(res, shapedFor(place, wrongKey()));
      return answer(place, path, key, req, res).catch((error: unknown) => failWith(place, error, req, res));
    }
    const key = knownKey(req, ['bearer']);
    if (key === undefined) return sendRefusal(res, wrongKey());
    const operation = req.method === 'POST' ? OPERATIONS[path] : undefined;
    if (operation) return operate(operation, path, key, req, res);
    if (req.method === 'GET' && path === '/v1/models') return sendJson(res, modelList());
    if (req.method === 'GET' && path === '/demo/served') return sendJson(res, book.read());
    const message = `Unknown request URL: ${req.method ?? ''} ${path}.`;
    return sendRefusal(res, refusal(404, 'invalid_request_error', 'unknown_url', message));
  }

  function failWith(
    place: Place | undefined,
    error: unknown,
    req: IncomingMessage,
    res: ServerResponse,
  ): void {
    if (!(error instanceof RequestError) && !req.destroyed)
      options.log?.error({ err: error }, 'request failed');
    if (res.headersSent || res.destroyed) res.destroy();
    else sendRefusal(res, shapedFor(place, refusalFor(error)));
  }

  const server = createServer({ keepAliveTimeout: 65_000 }, (req, res) => {
    route(req, res).catch((error: unknown) => failWith(undefined, error, req, res));
  });
  const host = options.host ?? '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, host, resolve);
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null)
    throw new Error('the demo provider has no TCP address');
  return Object.freeze({
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    port: address.port,
    requests: () => requests,
    tokensIssued: () => tokens.issued,
    served: () => book.read(),
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}
