import { assertNever } from '@weir/kernel/assert-never';
import type { Clock } from '@weir/kernel/clock';
import type { Logger } from '@weir/service/logger';
import { needsBound } from '../admission/attempt-bound.ts';
import { settlementOf } from '../admission/settlement.ts';
import type { OpenProviderSecret } from '../keys/provider-secret.ts';
import type { Meter } from '../metering/contract.ts';
import type { KeyHealth } from '../routing/key-health.ts';
import { runAttempt, type AttemptEnd } from '../upstream/attempt.ts';
import type { OriginPools } from '../upstream/origin-pools.ts';
import type { ProviderTarget } from '../upstream/provider-target.ts';
import type { AdmittedAttempt } from './admit-attempt.ts';
import { answerHeaders } from './answer-headers.ts';
import { providerRequestHeaders, type ProviderCredential } from './request-headers.ts';
import { isEventStream, isReadable, type ProviderHeaders } from './response-headers.ts';
import type { InferenceRun } from './run-attempts.ts';
import type { Relay } from '../stream/relay.ts';

/** Sends an admitted attempt, forwards its answer and closes it in the ledger. */
export type Dispatch = (run: InferenceRun, admitted: AdmittedAttempt) => Promise<AttemptEnd>;

export interface DispatchDeps {
  readonly pools: OriginPools;
  readonly openSecret: OpenProviderSecret;
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
    const { target } = admitted.candidate;
    const credential = openCredential(target);
    if (!credential) return { kind: 'failed', failure: { kind: 'refused', status: null } };
    exchange.notes.attempts++;
    return runAttempt({
      dispatcher: deps.pools.of(target.origin),
      path: `${target.pathPrefix}/${endpoint.operation}`,
      headers: providerRequestHeaders(exchange.req.headers, credential, admitted.intent.attemptId),
      body: run.call.render(changesOf(run, admitted)),
      lifetime: exchange.lifetime,
      answer: exchange.answer,
      clock: deps.clock,
      drainMs: policy.snapshot.key.disconnectPolicy === 'DRAIN' ? deps.drainMs : null,
      open: (status, headers) => open(run, admitted, status, headers, performance.now() - startedMs),
    });
  }

  function openCredential({ key, credentialHeader }: ProviderTarget): ProviderCredential | undefined {
    try {
      const secret = deps.openSecret(key);
      return {
        name: credentialHeader,
        value: credentialHeader === 'authorization' ? `Bearer ${secret}` : secret,
      };
    } catch (err) {
      deps.log.error({ err, providerKeyId: key.id }, 'provider key does not open');
      return undefined;
    }
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
    reportHealth(candidate.deployment, end, intent.providerKeyId);
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

  function reportHealth(deployment: string, end: AttemptEnd, providerKeyId: string): void {
    switch (end.kind) {
      case 'failed':
        deps.health.failed(deployment, end.failure);
        deps.log.warn({ providerKeyId, deployment, failure: end.failure }, 'provider failed');
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

/** An output cap is only written into a request where a blocking budget holds for it. */
function changesOf({ call }: InferenceRun, { candidate, outputCap }: AdmittedAttempt) {
  const { route } = candidate;
  const isHeld = needsBound(route) && outputCap !== null && outputCap !== call.bound.outputCap;
  return { model: route.upstreamModel, outputCap: isHeld ? outputCap : null };
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
