import type { IncomingMessage, ServerResponse } from 'node:http';
import { encodeId, newUuid, type Uuid } from '@weir/kernel/ids';
import type { Upload } from '../body/upload.ts';
import type { Dialect } from '../endpoints/endpoint.ts';
import type { Policy } from '../keys/policy.ts';
import { createClientAnswer, type ClientAnswer } from './client-answer.ts';
import { createLifetime, type Lifetime } from './lifetime.ts';
import type { LiveRequest } from './live-requests.ts';

/** One request of one client, from its arrival to its end. What becomes known on the way is written into it. */
export interface Exchange extends LiveRequest {
  readonly requestId: Uuid;
  /** `req_…`: what clients and logs know it by. */
  readonly publicId: string;
  readonly req: IncomingMessage;
  readonly body: Buffer;
  readonly dialect: Dialect;
  /** The path without the query. */
  readonly path: string;
  /** By `performance.now()`. */
  readonly startedMs: number;
  readonly lifetime: Lifetime;
  readonly answer: ClientAnswer;
  policy: Policy | null;
  /** The form that is read in place of a body; null for all other requests. */
  upload: Upload | null;
  /** Headers about limits, for whatever answer is given; empty until the admission has said. */
  limitHeaders: readonly string[];
  readonly notes: ExchangeNotes;
  /** Attempts whose consumption is being estimated; the exchange is over when they are closed. */
  settling: Promise<unknown> | null;
}

/** What the one log line and the metrics of a request say beside its outcome. */
export interface ExchangeNotes {
  model: string | null;
  effectiveModel: string | null;
  stream: boolean;
  provider: string | null;
  providerKeyId: string | null;
  decision: string | null;
  attempts: number;
  /** Durations in milliseconds; null where the request did not get so far. */
  admissionMs: number | null;
  /** Waiting for providers, all attempts together, up to the headers of the answer. */
  upstreamWaitMs: number;
  firstByteMs: number | null;
  inputTokens: number | null;
  outputTokens: number | null;
  costNanoUsd: bigint | null;
  meteringSource: string | null;
  disconnected: boolean;
}

export interface ExchangeInput {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly body: Buffer;
  /** Whose clients the path serves. */
  readonly dialect: Dialect;
  readonly nowMs: number;
  readonly timeoutMs: number;
}

export function createExchange({ req, res, body, dialect, nowMs, timeoutMs }: ExchangeInput): Exchange {
  const requestId = newUuid(nowMs);
  const publicId = encodeId('request', requestId);
  const lifetime = createLifetime();
  res.once('close', () => {
    if (!res.writableFinished) lifetime.end({ kind: 'client gone' });
  });
  return {
    requestId,
    publicId,
    req,
    body,
    dialect,
    path: pathOf(req.url ?? '/'),
    startedMs: performance.now(),
    deadlineMs: nowMs + timeoutMs,
    lifetime,
    answer: createClientAnswer(res, publicId, dialect),
    policy: null,
    upload: null,
    limitHeaders: [],
    notes: blankNotes(),
    settling: null,
  };
}

function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}

function blankNotes(): ExchangeNotes {
  return {
    model: null,
    effectiveModel: null,
    stream: false,
    provider: null,
    providerKeyId: null,
    decision: null,
    attempts: 0,
    admissionMs: null,
    upstreamWaitMs: 0,
    firstByteMs: null,
    inputTokens: null,
    outputTokens: null,
    costNanoUsd: null,
    meteringSource: null,
    disconnected: false,
  };
}
