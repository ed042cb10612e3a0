import { assertNever } from '@weir/kernel/assert-never';
import type { Clock } from '@weir/kernel/clock';
import type { Logger } from '@weir/service/logger';
import { needsBound } from '../admission/attempt-bound.ts';
import type { RequestChanges } from '../endpoints/endpoint.ts';
import { settlementOf } from '../admission/settlement.ts';
import type { Meter } from '../metering/contract.ts';
import { unlessAborted } from '../metering/unless-aborted.ts';
import type { Candidate } from '../routing/attempt-plan.ts';
import type { KeyHealth } from '../routing/key-health.ts';
import { runAttempt, type AttemptEnd } from '../upstream/attempt.ts';
import type { CredentialResult, Credentials } from '../upstream/credentials.ts';
import type { OriginPools } from '../upstream/origin-pools.ts';
import type { ProviderCall } from '../upstream/providers/provider.ts';
import type { AdmittedAttempt } from './admit-attempt.ts';
import { answerHeaders } from './answer-headers.ts';
import { providerRequestHeaders } from './request-headers.ts';
import { isEventStream, isReadable, type ProviderHeaders } from './response-headers.ts';
import type { Ending, Lifetime } from './lifetime.ts';
import type { InferenceRun } from './run-attempts.ts';
import type { Relay } from '../stream/relay.ts';

/** Sends an admitted attempt, forwards its answer and closes it in the ledger. */
export type Dispatch = (run: InferenceRun, admitted: AdmittedAttempt) => Promise<AttemptEnd>;

export interface DispatchDeps {
  readonly pools: OriginPools;
  readonly credentials: Credentials;
  readonly meter: Meter;
  readonly health: KeyHealth;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long a client's policy DRAIN reads on after the client has left. */
  readonly drainMs: number;
}

/** Steps 12 to 14. */
export function createDispatch(deps: DispatchDeps): Dispatch {
  return async (run, admitted) => {
    const startedMs = performance.now();
    let end: AttemptEnd = { kind: 'failed', failure: { kind: 'unreachable', errorCode: 'INTERNAL' } };
    try {
      end = await send(run, admitted, startedMs);
    } finally {
      // Whatever happened, what was begun is closed.
      settle(run, admitted, end, performance.now() - startedMs);
    }
    return end;
  };

  async function send(run: InferenceRun, admitted: AdmittedAttempt, startedMs: number): Promise<AttemptEnd> {
    const { exchange, endpoint, policy } = run;
    const { target, route } = admitted.candidate;
    const call = target.provider.call(endpoint.operation, route.upstreamModel, run.call.stream);
    const shown = deps.credentials.of(target, call.credential);
    const credential = shown instanceof Promise ? await unlessEnded(shown, exchange.lifetime) : shown;
    if ('kind' in credential) return { kind: 'abandoned', ending: credential, wasSent: false };
    if (!credential.ok) return { kind: 'failed', failure: credential.error };
    exchange.notes.attempts++;
    return runAttempt({
      dispatcher: deps.pools.of(target.origin),
      path: call.path,
      headers: providerRequestHeaders(
        exchange.req.headers,
        call,
        credential.value,
        admitted.intent.attemptId,
      ),
      body: run.call.render(changesOf(run, admitted, call)),
      lifetime: exchange.lifetime,
      answer: exchange.answer,
      clock: deps.clock,
      drainMs: policy.snapshot.key.disconnectPolicy === 'DRAIN' ? deps.drainMs : null,
      open: (status, headers) => open(run, admitted, status, headers, performance.now() - startedMs),
    });
  }

  function settle(run: InferenceRun, admitted: AdmittedAttempt, end: AttemptEnd, latencyMs: number): void {
    const { policy, exchange, call } = run;
    const { bound, outputCap, intent, candidate } = admitted;
    const close = settlementOf(end, {
      intent,
      price: bound.price,
      ratesPpm: policy.account.ratesPpm,
      inputBytes: exchange.body.length,
      outputTokensMax: outputCap === null ? null : outputCap * call.bound.choices,
      latencyMs,
    });
    deps.meter.close(close);
    reportHealth(candidate, end);
    const { notes } = exchange;
    if (end.kind === 'failed') notes.upstreamWaitMs += latencyMs;
    notes.provider = intent.provider;
    notes.providerKeyId = intent.providerKeyId;
    notes.decision = intent.decision;
    notes.firstByteMs = close.timeToFirstByteMs;
    notes.inputTokens =
      close.usage.inputTokens + close.usage.cachedInputTokens + close.usage.cacheWriteTokens;
    notes.outputTokens = close.usage.outputTokens + close.usage.reasoningTokens;
    notes.costNanoUsd = (notes.costNanoUsd ?? 0n) + close.cost;
    notes.meteringSource = close.meteringSource;
    notes.disconnected = close.disconnected;
  }

  function reportHealth({ deployment, target }: Candidate, end: AttemptEnd): void {
    switch (end.kind) {
      case 'failed':
        deps.health.failed(deployment, end.failure);
        if (end.failure.kind === 'refused') deps.credentials.refused(target);
        deps.log.warn({ providerKeyId: target.key.id, deployment, failure: end.failure }, 'provider failed');
        return;
      case 'abandoned':
        deps.health.released(deployment);
        return;
      case 'forwarded':
        if (end.end.kind === 'complete') deps.health.succeeded(deployment);
        else if (end.end.kind === 'stalled')
          deps.health.failed(deployment, { kind: 'timeout', wasSent: true });
        else deps.health.released(deployment);
        return;
      default:
        assertNever(end);
    }
  }
}

/** A token that is on its way is fetched for others too; a request that ended does not wait for it. */
async function unlessEnded(
  shown: Promise<CredentialResult>,
  lifetime: Lifetime,
): Promise<CredentialResult | Ending> {
  try {
    return await unlessAborted(shown, lifetime.signal);
  } catch (thrown) {
    if (lifetime.ending) return lifetime.ending;
    throw thrown;
  }
}

/** An output cap is only written into a request where a blocking budget holds for it. */
function changesOf(
  { call }: InferenceRun,
  { candidate, outputCap }: AdmittedAttempt,
  { model, members }: ProviderCall,
): RequestChanges {
  const isHeld = needsBound(candidate.route) && outputCap !== null && outputCap !== call.bound.outputCap;
  return { model, outputCap: isHeld ? outputCap : null, members };
}

function open(
  { exchange, call }: InferenceRun,
  { candidate, outputCap }: AdmittedAttempt,
  status: number,
  provider: ProviderHeaders,
  waitMs: number,
): Relay {
  exchange.notes.upstreamWaitMs += waitMs;
  const asEventStream = isEventStream(provider);
  const relay = call.relay(asEventStream && isReadable(provider));
  if (exchange.lifetime.ending) return relay;
  const usualCap = call.bound.outputCap ?? candidate.route.model.maxOutputTokens;
  const headers = answerHeaders(exchange, {
    provider,
    decision: candidate.decision,
    outputCap: needsBound(candidate.route) && outputCap !== null && outputCap < usualCap ? outputCap : null,
    isVerbatim: relay.isVerbatim,
    isEventStream: asEventStream,
  });
  exchange.answer.start(status, headers, asEventStream);
  return relay;
}
