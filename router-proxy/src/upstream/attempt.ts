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
import { TurnBytes } from './turn-bytes.ts';

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

/** Nearly no attempt holds anything back. */
const NOTHING: Buffer[] = [];

/**
 * Sends one request to one provider and forwards its answer. Resolves exactly once, when the provider's part is over.
 *
 * A client that leaves, a revoked key, a deadline and a stop all arrive as the end of the lifetime and cancel the
 * provider's request. One whose lifetime has ended before is not sent at all.
 */
export function runAttempt(input: AttemptInput): Promise<AttemptEnd> {
  return new Promise((resolve) => {
    new Attempt(input, resolve).start();
  });
}

/**
 * What undici tells of the request, one method after the other. A class, because a dozen functions made anew for each
 * request were a measurable part of what it allocated.
 *
 * Phases: `waiting` for a status; then `collecting` the text of a failure, or `judging` an answer that may be one, or
 * `expecting` the first byte of an answer that is not a stream of events, which may still break off; then `forwarding` it,
 * which becomes `draining` when the request ends before its answer, for as long as the client's policy is to read on; at
 * last `over`.
 */
class Attempt implements Dispatcher.DispatchHandler {
  private readonly input: AttemptInput;
  private readonly resolve: (end: AttemptEnd) => void;
  private readonly upload: UploadBody | null;
  private readonly startedMs = performance.now();
  private phase: 'waiting' | 'collecting' | 'judging' | 'expecting' | 'forwarding' | 'draining' | 'over' =
    'waiting';
  private controller: Dispatcher.DispatchController | null = null;
  private isDispatched = false;
  private wasSent = false;
  private status = 0;
  private providerHeaders: ProviderHeaders | null = null;
  private relay: Relay | null = null;
  /** Only for a stream of events. */
  private turn: TurnBytes | null = null;
  private firstByteMs: number | null = null;
  private collected = '';
  private held = NOTHING;
  private heldBytes = 0;
  private drainTimer: NodeJS.Timeout | undefined = undefined;
  private collectTimer: NodeJS.Timeout | undefined = undefined;

  constructor(input: AttemptInput, resolve: (end: AttemptEnd) => void) {
    this.input = input;
    this.resolve = resolve;
    this.upload = input.body instanceof Uint8Array ? null : input.body;
  }

  start(): void {
    const { lifetime, dispatcher, path, headers, body } = this.input;
    lifetime.listen((ending) => {
      this.onEnding(ending);
    });
    if (lifetime.ending) return;
    this.isDispatched = true;
    dispatcher.dispatch(
      {
        method: 'POST',
        path,
        headers,
        body: body instanceof Uint8Array ? body : Readable.from(body, { objectMode: false }),
      },
      this,
    );
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    this.wasSent = true;
    if (this.phase === 'over') this.cancel();
  }

  onResponseStart(_: Dispatcher.DispatchController, code: number, headers: ProviderHeaders): void {
    // Interim answers (1xx) say nothing yet.
    if (code < 200 || this.phase !== 'waiting') return;
    this.status = code;
    this.providerHeaders = headers;
    if (isFailure(code)) {
      this.phase = 'collecting';
      this.collectTimer = setTimeout(() => {
        this.onResponseEnd();
      }, FAILURE_TEXT_MS);
      return;
    }
    if (mayHideFailure(code)) {
      this.phase = 'judging';
      this.collectTimer = setTimeout(() => {
        this.judge();
      }, FAILURE_TEXT_MS);
      return;
    }
    // The first event may be long in coming; whoever waits for it wants to know that it will.
    if (isEventStream(headers)) this.openEvents();
    else this.phase = 'expecting';
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.phase === 'collecting') {
      if (this.collected.length < FAILURE_BYTES_MAX) this.collected += chunk.toString('latin1');
      else this.onResponseEnd();
      return;
    }
    this.firstByteMs ??= performance.now() - this.startedMs;
    if (this.phase === 'expecting') this.openAnswer();
    if (this.phase === 'judging') {
      if (this.held === NOTHING) this.held = [];
      this.held.push(chunk);
      this.heldBytes += chunk.length;
      if (this.heldBytes > FAILURE_BYTES_MAX) this.judge();
      return;
    }
    if (this.turn) this.turn.add(chunk);
    else this.relay?.push(chunk, this.forward);
  }

  onResponseEnd(): void {
    this.judge();
    if (this.phase === 'expecting') this.openAnswer();
    if (this.phase === 'collecting') {
      const { status, collected, input } = this;
      const headers = this.providerHeaders ?? {};
      this.settle({
        kind: 'failed',
        failure: failureOfStatus(status, headers, collected, input.clock.now()),
      });
      this.cancel();
    } else if (this.relay) {
      this.turn?.flush();
      this.relay.end(this.forward);
      this.settleForwarded({ kind: 'complete' }, this.relay);
    }
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.judge();
    if (this.upload?.failure && this.phase !== 'over') {
      this.onBrokenUpload(this.upload.failure);
      return;
    }
    switch (this.phase) {
      case 'waiting':
        return this.settle({ kind: 'failed', failure: failureOfError(error) });
      case 'expecting':
        return this.settle({ kind: 'failed', failure: failureAfterHead(this.status, error) });
      case 'collecting':
        return this.onResponseEnd();
      case 'judging':
      case 'forwarding':
      case 'draining': {
        const isStalled = failureOfError(error).kind === 'timeout';
        if (this.relay) this.settleForwarded({ kind: isStalled ? 'stalled' : 'cut' }, this.relay);
        return;
      }
      case 'over':
        return;
      default:
        assertNever(this.phase);
    }
  }

  private onEnding(ending: Ending): void {
    this.judge();
    if (this.phase === 'over') return;
    if (this.phase === 'forwarding' && ending.kind === 'client gone') this.phase = 'draining';
    if (!this.isDispatched) {
      this.giveUp(ending);
    } else if (this.phase === 'collecting') {
      this.onResponseEnd();
    } else if (ending.kind === 'client gone' && this.input.drainMs !== null) {
      this.drainTimer ??= setTimeout(() => {
        this.giveUp(ending);
      }, this.input.drainMs);
      this.controller?.resume();
    } else {
      this.giveUp(ending);
    }
  }

  /** The client's form broke off, or turned out to be none: the provider is not to blame. */
  private onBrokenUpload(error: AppError): void {
    this.giveUp(this.input.lifetime.ending ?? { kind: 'stopped', error });
  }

  private giveUp(ending: Ending): void {
    const wasSent = this.wasSent && this.upload?.isSent !== false;
    if (this.relay) this.settleForwarded(ending, this.relay);
    else this.settle({ kind: 'abandoned', ending, wasSent });
    this.cancel();
  }

  private openEvents(): void {
    this.openAnswer();
    this.turn = new TurnBytes((bytes) => this.relay?.push(bytes, this.forward));
  }

  private openAnswer(): void {
    this.relay = this.input.open(this.status, this.providerHeaders ?? {});
    // Of a request that has ended no answer is begun, so there is none to write to.
    this.phase = this.input.lifetime.ending ? 'draining' : 'forwarding';
  }

  /** What was held back is forwarded, unless it is a failure after all. */
  private judge(): void {
    if (this.phase !== 'judging') return;
    clearTimeout(this.collectTimer);
    const failure = hiddenFailure(this.status, Buffer.concat(this.held).toString('utf8'));
    if (failure) {
      this.settle({ kind: 'failed', failure });
      this.cancel();
      return;
    }
    this.openAnswer();
    for (const chunk of this.held) this.relay?.push(chunk, this.forward);
    this.held = NOTHING;
  }

  private readonly forward: Forward = (bytes) => {
    const { controller } = this;
    const { answer } = this.input;
    if (this.phase !== 'forwarding' || answer.write(bytes) || controller?.paused === true) return;
    controller?.pause();
    answer.onDrain(() => controller?.resume());
  };

  private settleForwarded(end: ForwardEnd, relay: Relay): void {
    // What arrived before the end goes before it.
    this.turn?.flush();
    const { status, firstByteMs } = this;
    this.settle({
      kind: 'forwarded',
      end,
      status,
      relay,
      drained: this.drainTimer !== undefined,
      firstByteMs,
    });
  }

  private settle(end: AttemptEnd): void {
    if (this.phase === 'over') return;
    this.phase = 'over';
    // Clearing what was never set is a call all the same.
    if (this.drainTimer) clearTimeout(this.drainTimer);
    if (this.collectTimer) clearTimeout(this.collectTimer);
    this.input.lifetime.listen(null);
    this.resolve(end);
  }

  /** The provider's request is cancelled only after the attempt is settled, so that its error is not taken for news. */
  private cancel(): void {
    this.controller?.abort(new Error('the request has ended'));
  }
}
