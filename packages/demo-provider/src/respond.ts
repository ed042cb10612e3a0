import type { ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { NOTHING_BILLED, type Answer, type Billed } from './answer.ts';
import type { ChatRequest } from './chat-request.ts';
import type { AnswerForm, StreamEvent } from './answer-form.ts';
import type { Behaviour } from './models.ts';
import type { Refusal } from './refusals.ts';
import type { Outcome } from './served.ts';
import { splitPoint, writesOf } from './writes.ts';

/** How a response ends; `finish` does its last visible step, so that what is noted before it is noted in time. */
export interface Ending {
  readonly outcome: Outcome;
  readonly billed: Billed;
  finish(): void;
}

/** Headers as real providers send them: a gateway must not pass on the last two, nor what names an account. */
const COMMON_HEADERS = {
  'openai-version': '2020-10-01',
  'openai-processing-ms': '1',
  'set-cookie': '__demo=provider-cookie; path=/; HttpOnly',
  'x-ratelimit-remaining-requests': '9999',
} as const;

export function sendRefusal(res: ServerResponse, { status, headers, body }: Refusal): void {
  const length = Buffer.byteLength(body);
  res.writeHead(status, {
    ...COMMON_HEADERS,
    'content-type': 'application/json',
    'content-length': length,
    ...headers,
  });
  res.end(body);
}

/** An answer of any content in one piece. */
export function sendWhole(res: ServerResponse, contentType: string, body: Buffer | string): void {
  const length = Buffer.byteLength(body);
  res.writeHead(200, { ...COMMON_HEADERS, 'content-type': contentType, 'content-length': length });
  res.end(body);
}

/** Resolves when the bytes are handed to the kernel, so that closing the socket right after loses none of them. */
function written(res: ServerResponse, bytes: Buffer | string): Promise<void> {
  return new Promise((resolve) => res.write(bytes, () => resolve()));
}

function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      res.off('drain', done).off('close', done);
      resolve();
    };
    res.on('drain', done).on('close', done);
  });
}

function closed(res: ServerResponse): Promise<void> {
  if (res.destroyed) return Promise.resolve();
  return new Promise((resolve) => res.once('close', () => resolve()));
}

/** The prompt, and of the completion what was generated before it stopped. */
function billedUntil(answer: Answer, tokens: number): Billed {
  return { ...answer.billed, completion: tokens, reasoning: Math.min(tokens, answer.billed.reasoning) };
}

/** The events before the fault strikes, and the event during which it does. */
function untilContent(
  events: readonly StreamEvent[],
  amount: number,
): [readonly StreamEvent[], StreamEvent | undefined] {
  let seen = 0;
  const at = events.findIndex((event) => event.isContent && ++seen > amount);
  return at < 0 ? [events.slice(0, -1), events.at(-1)] : [events.slice(0, at), events[at]];
}

/** Unreferenced, so that a stopped provider does not keep its process alive. */
function wait(ms: number): Promise<void> {
  return pause(ms, undefined, { ref: false });
}

interface Progress {
  /** Tokens in the writes that went out. */
  readonly tokens: number;
  /** The last write, which is left to the caller; undefined when the client went away before it. */
  readonly last: Buffer | undefined;
}

/** Sends all writes but the last one. */
async function sendEvents(
  res: ServerResponse,
  events: readonly StreamEvent[],
  delayMs: number,
): Promise<Progress> {
  const writes = writesOf(events, delayMs === 0);
  const last = writes.pop();
  let tokens = 0;
  for (const write of writes) {
    if (delayMs > 0) await wait(delayMs * write.eventsStarted);
    if (res.destroyed) return { tokens, last: undefined };
    tokens = write.tokensSoFar;
    if (!res.write(write.bytes)) await drained(res);
  }
  if (delayMs > 0) await wait(delayMs * (last?.eventsStarted ?? 0));
  return { tokens, last: res.destroyed ? undefined : last?.bytes };
}

const gone = (billed: Billed): Ending => ({ outcome: 'aborted', billed, finish: () => undefined });

type CuttingFault = NonNullable<Behaviour['fault']> & { readonly name: 'cut' | 'hang' | 'error-event' };

function isCutting(fault: Behaviour['fault']): fault is CuttingFault {
  return fault?.name === 'cut' || fault?.name === 'hang' || fault?.name === 'error-event';
}

async function streamUntilFault(
  res: ServerResponse,
  answer: Answer,
  events: readonly StreamEvent[],
  fault: CuttingFault,
  form: AnswerForm,
): Promise<Ending> {
  const [before, next] = untilContent(events, fault.number);
  const progress = await sendEvents(res, before, answer.options.delay ?? 0);
  const billed = billedUntil(answer, progress.last ? (before.at(-1)?.tokensSoFar ?? 0) : progress.tokens);
  if (!progress.last) return gone(billed);
  await written(res, progress.last);
  if (fault.name === 'hang') {
    await closed(res);
    return gone(billed);
  }
  if (fault.name === 'error-event') return { outcome: 'cut', billed, finish: () => res.end(form.errorEvent) };
  const torn = Buffer.from(next?.text ?? '');
  await written(res, torn.subarray(0, splitPoint(torn)));
  return { outcome: 'cut', billed, finish: () => res.destroy() };
}

async function sendStream(
  res: ServerResponse,
  request: ChatRequest,
  answer: Answer,
  { fault }: Behaviour,
  form: AnswerForm,
): Promise<Ending> {
  const events = form.events(request.model, answer, request.includeUsage && fault?.name !== 'no-usage');
  res.writeHead(200, {
    ...COMMON_HEADERS,
    ...form.accountHeader,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
  });
  if (isCutting(fault)) return streamUntilFault(res, answer, events, fault, form);
  if (fault?.name === 'garbage') {
    return { outcome: 'answered', billed: answer.billed, finish: () => res.end('data: {"id": oops\n\n') };
  }
  const { tokens, last } = await sendEvents(res, events, answer.options.delay ?? 0);
  if (!last) return gone(billedUntil(answer, tokens));
  return { outcome: 'answered', billed: answer.billed, finish: () => res.end(last) };
}

async function answerWhole(
  res: ServerResponse,
  request: ChatRequest,
  answer: Answer,
  { fault }: Behaviour,
  form: AnswerForm,
): Promise<Ending> {
  const { billed } = answer;
  const body =
    fault?.name === 'garbage'
      ? '<html>Bad gateway</html>'
      : form.body(request.model, answer, fault?.name !== 'no-usage');
  const bytes = Buffer.from(body);
  res.writeHead(200, {
    ...COMMON_HEADERS,
    ...form.accountHeader,
    'content-type': 'application/json',
    'content-length': bytes.length,
  });
  if (!isCutting(fault)) return { outcome: 'answered', billed, finish: () => res.end(bytes) };
  await written(res, bytes.subarray(0, splitPoint(bytes)));
  if (fault.name !== 'hang') return { outcome: 'cut', billed, finish: () => res.destroy() };
  await closed(res);
  return gone(billed);
}

/** Sends an answer as its model wants it, up to its last step; faults that refuse are handled before. */
export async function respond(
  res: ServerResponse,
  request: ChatRequest,
  answer: Answer,
  behaviour: Behaviour,
  form: AnswerForm,
): Promise<Ending> {
  const { fault } = behaviour;
  if (fault?.name === 'stall') {
    await closed(res);
    return gone(NOTHING_BILLED);
  }
  if (fault?.name === 'slow') await wait(fault.number);
  if (res.destroyed) return gone(billedUntil(answer, 0));
  return request.stream
    ? sendStream(res, request, answer, behaviour, form)
    : answerWhole(res, request, answer, behaviour, form);
}
