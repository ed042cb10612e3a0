import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { assertNever } from '@weir/kernel/assert-never';
import type { AppError } from '@weir/kernel/errors';
import type { Clock } from '@weir/kernel/clock';
import type { UploadBody } from '../body/upload.ts';
import type { ClientAnswer } from '../http/client-answer.ts';
import type { Ending, Lifetime } from '../http/lifetime.ts';
import { isEventStream, type ProviderHeaders } from '../http/response-headers.ts';
import type { Forward, Relay } from '../stream/relay.ts';
import { failureAfterHead, failureOfError, failureOfStatus, isFailure, type Failure } from './failure.ts';
import { hiddenFailure, mayHideFailure } from './hidden-failure.ts';

export interface AttemptInput {
  readonly dispatcher: Dispatcher;
  readonly path: string;
  readonly headers: string[];
  readonly body: Uint8Array | UploadBody;
  readonly lifetime: Lifetime;
  readonly answer: ClientAnswer;
  /** How long to read on for the usage when the client has left; null to cancel the provider instead. */
  readonly drainMs: number | null;
  readonly clock: Clock;
  /** Starts the client's answer and says what stands between it and the provider's bytes. */
  open(status: number, headers: ProviderHeaders): Relay;
}

/** How forwarding ended. All but `complete` left the answer unfinished. */
export type ForwardEnd = { readonly kind: 'complete' | 'cut' | 'stalled' } | Ending;

export type AttemptEnd =
  /** Nothing of it reached the client, so another key may be asked. */
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** The request ended while the provider was still thinking. `wasSent` says whether it had been given all of it. */
  | { readonly kind: 'abandoned'; readonly ending: Ending; readonly wasSent: boolean }
  | {
      readonly kind: 'forwarded';
      readonly end: ForwardEnd;
      readonly status: number;
      readonly relay: Relay;
      /** The client left and the provider was read on for. */
      readonly drained: boolean;
      /** From dispatch to the first byte of the body; null when none came. */
      readonly firstByteMs: number | null;
    };

/** As much of a failed answer as is worth reading to find out why. */
const FAILURE_BYTES_MAX = 16_384;
/** The status alone would do, so the text is not waited for. */
const FAILURE_TEXT_MS = 500;

/**
 * Sends one request to one provider and forwards its answer. Resolves exactly once, when the provider's part is over.
 *
 * Phases: `waiting` for a status; then `collecting` the text of a failure, or `judging` an answer that may be one, or
 * `expecting` the first byte of an answer that is not a stream of events, which may still break off; then `forwarding` it,
 * which becomes `draining` when the client leaves and its policy is to read on; at last `over`. A client that leaves, a
 * revoked key, a deadline and a stop all arrive as the end of the lifetime and cancel the provider's request. One whose
 * lifetime has ended before is not sent at all.
 */
export function runAttempt(input: AttemptInput): Promise<AttemptEnd> {
  const { promise, resolve } = Promise.withResolvers<AttemptEnd>();
  const { answer, lifetime } = input;
  const upload = input.body instanceof Uint8Array ? null : input.body;
  const startedMs = performance.now();
  let phase: 'waiting' | 'collecting' | 'judging' | 'expecting' | 'forwarding' | 'draining' | 'over' =
    'waiting';
  let controller: Dispatcher.DispatchController | null = null;
  let isDispatched = false;
  let wasSent = false;
  let status = 0;
  let providerHeaders: ProviderHeaders = {};
  let relay: Relay | null = null;
  let firstByteMs: number | null = null;
  let collected = '';
  let held: Buffer[] = [];
  let heldBytes = 0;
  let drainTimer: NodeJS.Timeout | undefined;
  let collectTimer: NodeJS.Timeout | undefined;

  function settle(end: AttemptEnd): void {
    if (phase === 'over') return;
    phase = 'over';
    clearTimeout(drainTimer);
    clearTimeout(collectTimer);
    lifetime.listen(null);
    resolve(end);
  }

  function settleForwarded(end: ForwardEnd, source: Relay): void {
    settle({ kind: 'forwarded', end, status, relay: source, drained: drainTimer !== undefined, firstByteMs });
  }

  /** The provider's request is cancelled only after the attempt is settled, so that its error is not taken for news. */
  function cancel(): void {
    controller?.abort(new Error('the request has ended'));
  }

  function giveUp(ending: Ending): void {
    if (relay) settleForwarded(ending, relay);
    else settle({ kind: 'abandoned', ending, wasSent: wasSent && upload?.isSent !== false });
    cancel();
  }

  /** The client's form broke off, or turned out to be none: the provider is not to blame. */
  function onBrokenUpload(error: AppError): void {
    giveUp(lifetime.ending ?? { kind: 'stopped', error });
  }

  function onEnding(ending: Ending): void {
    judge();
    if (phase === 'over') return;
    if (!isDispatched) {
      giveUp(ending);
    } else if (phase === 'collecting') {
      onEnd();
    } else if (ending.kind === 'client gone' && input.drainMs !== null) {
      drainTimer ??= setTimeout(giveUp, input.drainMs, ending);
      if (phase === 'forwarding') phase = 'draining';
      controller?.resume();
    } else {
      giveUp(ending);
    }
  }

  const resume = (): void => controller?.resume();
  const forward: Forward = (bytes) => {
    if (phase !== 'forwarding' || answer.write(bytes) || controller?.paused === true) return;
    controller?.pause();
    answer.onDrain(resume);
  };

  function onStart(code: number, headers: ProviderHeaders): void {
    status = code;
    providerHeaders = headers;
    if (isFailure(code)) {
      phase = 'collecting';
      collectTimer = setTimeout(onEnd, FAILURE_TEXT_MS);
      return;
    }
    if (mayHideFailure(code)) {
      phase = 'judging';
      collectTimer = setTimeout(judge, FAILURE_TEXT_MS);
      return;
    }
    // The first event may be long in coming; whoever waits for it wants to know that it will.
    if (isEventStream(headers)) openAnswer();
    else phase = 'expecting';
  }

  function openAnswer(): void {
    relay = input.open(status, providerHeaders);
    phase = drainTimer === undefined ? 'forwarding' : 'draining';
  }

  /** What was held back is forwarded, unless it is a failure after all. */
  function judge(): void {
    if (phase !== 'judging') return;
    clearTimeout(collectTimer);
    const failure = hiddenFailure(status, Buffer.concat(held).toString('utf8'));
    if (failure) {
      settle({ kind: 'failed', failure });
      cancel();
      return;
    }
    openAnswer();
    for (const chunk of held) relay?.push(chunk, forward);
    held = [];
  }

  function onData(chunk: Buffer): void {
    if (phase === 'collecting') {
      if (collected.length < FAILURE_BYTES_MAX) collected += chunk.toString('latin1');
      else onEnd();
      return;
    }
    firstByteMs ??= performance.now() - startedMs;
    if (phase === 'expecting') openAnswer();
    if (phase === 'judging') {
      held.push(chunk);
      heldBytes += chunk.length;
      if (heldBytes > FAILURE_BYTES_MAX) judge();
      return;
    }
    relay?.push(chunk, forward);
  }

  function onEnd(): void {
    judge();
    if (phase === 'expecting') openAnswer();
    if (phase === 'collecting') {
      settle({
        kind: 'failed',
        failure: failureOfStatus(status, providerHeaders, collected, input.clock.now()),
      });
      cancel();
    } else if (relay) {
      relay.end(forward);
      settleForwarded({ kind: 'complete' }, relay);
    }
  }

  function onError(error: Error): void {
    judge();
    if (upload?.failure && phase !== 'over') {
      onBrokenUpload(upload.failure);
      return;
    }
    switch (phase) {
      case 'waiting':
        return settle({ kind: 'failed', failure: failureOfError(error) });
      case 'expecting':
        return settle({ kind: 'failed', failure: failureAfterHead(status, error) });
      case 'collecting':
        return onEnd();
      case 'judging':
      case 'forwarding':
      case 'draining':
        if (relay)
          settleForwarded({ kind: failureOfError(error).kind === 'timeout' ? 'stalled' : 'cut' }, relay);
        return;
      case 'over':
        return;
      default:
        assertNever(phase);
    }
  }

  lifetime.listen(onEnding);
  if (lifetime.ending) return promise;
  const body =
    input.body instanceof Uint8Array ? input.body : Readable.from(input.body, { objectMode: false });
  isDispatched = true;
  input.dispatcher.dispatch(
    { method: 'POST', path: input.path, headers: input.headers, body },
    {
      onRequestStart(started) {
        controller = started;
        wasSent = true;
        if (phase === 'over') cancel();
      },
      onResponseStart(_, code, headers) {
        // Interim answers (1xx) say nothing yet.
        if (code >= 200 && phase === 'waiting') onStart(code, headers);
      },
      onResponseData: (_, chunk) => {
        onData(chunk);
      },
      onResponseEnd: () => {
        onEnd();
      },
      onResponseError: (_, error) => {
        onError(error);
      },
    },
  );
  return promise;
}
