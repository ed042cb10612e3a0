import type { IncomingMessage } from 'node:http';
import { encodeId, newUuid, type Uuid } from '@weir/kernel/ids';
import type { Upload } from '../body/upload.ts';
import type { Dialect } from '../endpoints/endpoint.ts';
import type { Policy } from '../keys/policy.ts';
import type { AnswerChannel } from './answer-channel.ts';
import { ClientAnswer } from './client-answer.ts';
import type { ClientRequest } from './client-request.ts';
import { Lifetime } from './lifetime.ts';
import type { LimitStanding } from './limit-headers.ts';
import type { LiveRequest } from './live-requests.ts';

/** A request as it was read, and where its answer goes. */
export interface Received {
  readonly req: ClientRequest;
  readonly res: AnswerChannel;
  readonly body: Buffer;
  /** The request whose form is still on the socket, for whoever serves it to read while it arrives; null for all others. */
  readonly form: IncomingMessage | null;
}

/** One request of one client, from its arrival to its end. What becomes known on the way is written into it. */
export class Exchange implements LiveRequest {
  readonly requestId: Uuid;
  /** `req_…`: what clients and logs know it by. */
  readonly publicId: string;
  readonly req: ClientRequest;
  readonly body: Buffer;
  readonly form: IncomingMessage | null;
  /** Whose clients the path serves. */
  readonly dialect: Dialect;
  /** The path without the query. */
  readonly path: string;
  /** By `performance.now()`. */
  readonly startedMs = performance.now();
  readonly deadlineMs: number;
  place = 0;
  readonly lifetime = new Lifetime();
  readonly answer: ClientAnswer;
  policy: Policy | null = null;
  /** The form that is read in place of a body; null for all other requests. */
  upload: Upload | null = null;
  /** What whatever answer is given says about limits; null until the admission has said. */
  limits: LimitStanding | null = null;
  readonly notes = new ExchangeNotes();
  /** Attempts whose consumption is being estimated; the exchange is over when they are closed. */
  settling: Promise<unknown> | null = null;

  constructor({ req, res, body, form }: Received, dialect: Dialect, nowMs: number, timeoutMs: number) {
    this.requestId = newUuid(nowMs);
    this.publicId = encodeId('request', this.requestId);
    this.req = req;
    this.body = body;
    this.form = form;
    this.dialect = dialect;
    this.path = pathOf(req.url ?? '/');
    this.deadlineMs = nowMs + timeoutMs;
    this.answer = new ClientAnswer(res, this.publicId, dialect);
  }
}

/** What the one log line and the metrics of a request say beside its outcome. */
export class ExchangeNotes {
  model: string | null = null;
  effectiveModel: string | null = null;
  stream = false;
  provider: string | null = null;
  providerKeyId: string | null = null;
  decision: string | null = null;
  attempts = 0;
  /** Durations in milliseconds; null where the request did not get so far. */
  admissionMs: number | null = null;
  /** Waiting for providers, all attempts together, up to the headers of the answer. */
  upstreamWaitMs = 0;
  firstByteMs: number | null = null;
  inputTokens: number | null = null;
  outputTokens: number | null = null;
  costNanoUsd: bigint | null = null;
  meteringSource: string | null = null;
  disconnected = false;
}

function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}
