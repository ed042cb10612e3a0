import { assertNever } from '@weir/kernel/assert-never';
import type { Deployments } from '@weir/counters/deployments/contract';
import type { Clock } from '@weir/kernel/clock';
import type { Logger } from '@weir/service/logger';
import { knownConsumption, settlementOf, type Consumption } from '../admission/settlement.ts';
import { estimateUsage } from '../estimate/estimate.ts';
import type { TokenCounter } from '../estimate/token-counter.ts';
import type { Policy } from '../keys/policy.ts';
import type { Meter } from '../metering/contract.ts';
import { unlessAborted } from '../metering/unless-aborted.ts';
import type { Candidate } from '../routing/attempt-plan.ts';
import { reportFailure } from '../routing/report-failure.ts';
import type { RefusedKeys } from '../routing/refused-keys.ts';
import { runAttempt, type AttemptEnd } from '../upstream/attempt.ts';
import type { CredentialResult, Credentials } from '../upstream/credentials.ts';
import type { OriginPools } from '../upstream/origin-pools.ts';
import type { ProviderTarget } from '../upstream/provider-target.ts';
import type { AdmittedAttempt } from './admit-attempt.ts';
import type { Ending, Lifetime } from './lifetime.ts';
import { OpenAttempt } from './open-attempt.ts';
import type { InferenceRun } from './run-attempts.ts';
import { NOTHING_SEEN } from '../stream/relay.ts';

/**
 * Sends an admitted attempt, forwards its answer, ends it where it is whole and closes the attempt in the ledger; where the consumption has to be estimated
 * that happens a little later, and the exchange waits for it.
 */
export type Dispatch = (run: InferenceRun, admitted: AdmittedAttempt) => Promise<AttemptEnd>;

export interface DispatchDeps {
  readonly pools: OriginPools;
  readonly credentials: Credentials;
  readonly meter: Meter;
  readonly deployments: Deployments;
  readonly refusedKeys: RefusedKeys;
  readonly tokens: TokenCounter;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long a client's policy DRAIN reads on after the client has left. */
  readonly drainMs: number;
}

/**
 * What providers call failures of their own when they break off an answer that they had begun. Others concern the
 * request, or cannot be told from a connection that broke.
 */
const OWN_FAILURES: ReadonlySet<string> = new Set(['overloaded_error', 'api_error', 'server_error']);

/** Until something comes of it. */
const NOTHING_CAME: AttemptEnd = { kind: 'failed', failure: { kind: 'unreachable', errorCode: 'INTERNAL' } };

/** Steps 12 to 14. */
export function createDispatch(deps: DispatchDeps): Dispatch {
  return async (run, admitted) => {
    const startedMs = performance.now();
    let end = NOTHING_CAME;
    try {
      const { target, route } = admitted.candidate;
      const call = target.provider.call(run.endpoint.operation, route.upstreamModel, run.call.stream);
      const shown = deps.credentials.of(target, call.credential);
      const credential = shown instanceof Promise ? await unlessEnded(shown, run.exchange.lifetime) : shown;
      if ('kind' in credential) end = { kind: 'abandoned', ending: credential, wasSent: false };
      else if (!credential.ok) end = { kind: 'failed', failure: credential.error };
      else {
        end = await runAttempt(new OpenAttempt(run, admitted, call, credential.value, startedMs, deps));
        // The client does not wait until the books are closed.
        if (end.kind === 'forwarded' && end.end.kind === 'complete') run.exchange.answer.end();
        if (call.credential === 'service-account') end = tokenRefused(target, end);
      }
    } finally {
      // Whatever happened, what was begun is closed.
      settle(run, admitted, end, performance.now() - startedMs);
    }
    return end;
  };

  /** A token may be revoked without its account: whether the account is good shows when it asks for the next one. */
  function tokenRefused(target: ProviderTarget, end: AttemptEnd): AttemptEnd {
    if (end.kind !== 'failed' || end.failure.kind !== 'refused') return end;
    deps.credentials.refused(target);
    return { kind: 'failed', failure: { ...end.failure, kind: 'forbidden' } };
  }

  function settle(run: InferenceRun, admitted: AdmittedAttempt, end: AttemptEnd, latencyMs: number): void {
    if (end.kind === 'failed') run.exchange.notes.upstreamWaitMs += latencyMs;
    report(run.policy, admitted.candidate, end);
    const known = knownConsumption(end, run.endpoint);
    if (known) {
      close(run, admitted, end, known, latencyMs);
      return;
    }
    const before = run.exchange.settling;
    run.exchange.settling = estimate(run, admitted, end)
      .then((estimated) => {
        close(run, admitted, end, estimated, latencyMs);
      })
      .catch((err: unknown) => {
        deps.log.error({ err }, 'attempt cannot be closed');
      })
      .then(() => before);
  }

  async function estimate(
    { call }: InferenceRun,
    { outputCap, bound }: AdmittedAttempt,
    end: AttemptEnd,
  ): Promise<Consumption> {
    const usage = await estimateUsage(
      {
        input: call.inputFacts(),
        seen: end.kind === 'forwarded' ? end.relay.seen() : NOTHING_SEEN,
        outputTokensMax: outputCap === null ? null : outputCap * bound.tokensPerOutputToken,
      },
      deps.tokens,
    );
    return { usage, meteringSource: 'ESTIMATED' };
  }

  function close(
    { policy, exchange: { notes } }: InferenceRun,
    { bound, intent }: AdmittedAttempt,
    end: AttemptEnd,
    consumption: Consumption,
    latencyMs: number,
  ): void {
    const { price } = bound;
    const { ratesPpm } = policy.account;
    const close = settlementOf(end, consumption, { intent, price, ratesPpm, latencyMs });
    deps.meter.close(close);
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

  /** What the end says about the key, beyond what the beginning of an answer has said already. */
  function report(policy: Policy, candidate: Candidate, end: AttemptEnd): void {
    const { claim } = candidate;
    switch (end.kind) {
      case 'failed':
        reportFailure(deps, policy, candidate, end.failure);
        return;
      case 'abandoned':
        deps.deployments.released(claim);
        return;
      case 'forwarded':
        if (end.end.kind === 'stalled')
          deps.deployments.failed(claim, { reason: 'timeout', retryAfterMs: null });
        else if (OWN_FAILURES.has(end.relay.failure?.() ?? ''))
          deps.deployments.failed(claim, { reason: 'broken', retryAfterMs: null });
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
