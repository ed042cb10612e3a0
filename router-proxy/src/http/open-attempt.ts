import type { Deployments } from '@weir/counters/deployments/contract';
import type { Clock } from '@weir/kernel/clock';
import type { Dispatcher } from 'undici';
import { needsBound } from '../admission/attempt-bound.ts';
import type { UploadBody } from '../body/upload.ts';
import type { InferenceCall, RequestChanges } from '../endpoints/endpoint.ts';
import type { Relay } from '../stream/relay.ts';
import type { AttemptInput } from '../upstream/attempt.ts';
import type { ProviderCredential } from '../upstream/credentials.ts';
import type { OriginPools } from '../upstream/origin-pools.ts';
import type { ProviderCall } from '../upstream/providers/provider.ts';
import type { AdmittedAttempt } from './admit-attempt.ts';
import { answerHeaders } from './answer-headers.ts';
import type { ClientAnswer } from './client-answer.ts';
import type { Lifetime } from './lifetime.ts';
import { providerRequestHeaders } from './request-headers.ts';
import { announcedBytes, isEventStream, isReadable, type ProviderHeaders } from './response-headers.ts';
import type { InferenceRun } from './run-attempts.ts';

export interface OpenAttemptDeps {
  readonly pools: OriginPools;
  readonly deployments: Deployments;
  readonly clock: Clock;
  /** How long a client's policy DRAIN reads on after the client has left. */
  readonly drainMs: number;
}

/** What one provider is asked in the client's place, and how its answer becomes the client's. */
export class OpenAttempt implements AttemptInput {
  readonly dispatcher: Dispatcher;
  readonly path: string;
  readonly headers: string[];
  readonly body: Uint8Array | UploadBody;
  readonly lifetime: Lifetime;
  readonly answer: ClientAnswer;
  readonly clock: Clock;
  readonly drainMs: number | null;
  readonly #run: InferenceRun;
  readonly #admitted: AdmittedAttempt;
  readonly #startedMs: number;
  readonly #deployments: Deployments;

  constructor(
    run: InferenceRun,
    admitted: AdmittedAttempt,
    call: ProviderCall,
    credential: ProviderCredential,
    startedMs: number,
    deps: OpenAttemptDeps,
  ) {
    const { exchange, policy } = run;
    exchange.notes.attempts++;
    const body = run.call.render(changesOf(run, admitted, call));
    const upload = body instanceof Uint8Array ? null : body;
    const { attemptId } = admitted.intent;
    this.dispatcher = deps.pools.of(admitted.candidate.target.origin);
    this.path = call.path;
    this.headers = providerRequestHeaders(exchange.req.headers, call, credential, attemptId, upload);
    this.body = body;
    this.lifetime = exchange.lifetime;
    this.answer = exchange.answer;
    this.clock = deps.clock;
    this.drainMs = policy.snapshot.key.disconnectPolicy === 'DRAIN' ? deps.drainMs : null;
    this.#run = run;
    this.#admitted = admitted;
    this.#startedMs = startedMs;
    this.#deployments = deps.deployments;
  }

  open(status: number, provider: ProviderHeaders): Relay {
    const { exchange, call } = this.#run;
    const { candidate, outputCap, intent } = this.#admitted;
    // Whatever it says, it says something: the deployment works.
    this.#deployments.succeeded(candidate.claim);
    const nowMs = performance.now();
    exchange.notes.upstreamWaitMs += nowMs - this.#startedMs;
    exchange.upload?.answered();
    const asEventStream = isEventStream(provider);
    const relay = call.relay(asEventStream && isReadable(provider));
    if (exchange.lifetime.ending) return relay;
    const usualCap = clientCap(call) ?? candidate.route.model.maxOutputTokens;
    const headers = answerHeaders(exchange, {
      provider,
      candidate,
      attemptNumber: intent.attemptNumber,
      primaryModel: exchange.notes.effectiveModel,
      outputCap: needsBound(candidate.route) && outputCap !== null && outputCap < usualCap ? outputCap : null,
      isVerbatim: relay.isVerbatim,
      isEventStream: asEventStream,
      nowMs,
    });
    exchange.answer.start(status, headers, asEventStream, relay.isVerbatim ? announcedBytes(provider) : null);
    return relay;
  }
}

/** An output cap is only written into a request where a blocking budget holds for it. */
function changesOf(
  { call }: InferenceRun,
  { candidate, outputCap }: AdmittedAttempt,
  { model, members }: ProviderCall,
): RequestChanges {
  const isHeld = needsBound(candidate.route) && outputCap !== null && outputCap !== clientCap(call);
  return { model, outputCap: isHeld ? outputCap : null, members };
}

function clientCap({ bound: { output } }: InferenceCall): number | null {
  return output.kind === 'capped' ? output.cap : null;
}
