import fc from 'fast-check';
import type { AttemptClose, AttemptIntent } from '@weir/contracts/attempt-record';
import type { AdmitRequest, Holding } from '@weir/counters/contract';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { nanoUsd } from '@weir/kernel/money';
import { encodeEvidence } from './record-codec.ts';

/** Whose attempts a test makes. */
export interface TestOwner {
  readonly organizationId: Uuid;
  readonly accountPath: readonly Uuid[];
  readonly apiKeyId: Uuid;
}

export function anOwner(): TestOwner {
  return { organizationId: newUuid(), accountPath: [newUuid(), newUuid()], apiKeyId: newUuid() };
}

export function anIntent(owner: TestOwner, changes: Partial<AttemptIntent> = {}): AttemptIntent {
  const admittedAtMs = changes.admittedAtMs ?? Date.now();
  return {
    kind: 'intent',
    attemptId: newUuid(admittedAtMs),
    requestId: newUuid(admittedAtMs),
    attemptNumber: 1,
    ...owner,
    modelRequested: 'gpt-4o',
    modelEffective: 'gpt-4o-2024-08-06',
    provider: 'openai',
    providerKeyId: newUuid(),
    decision: 'PRIMARY',
    endpoint: '/v1/chat/completions',
    stream: false,
    priceId: null,
    admittedAtMs,
    businessDate: new Date(admittedAtMs).toISOString().slice(0, 10),
    holdCost: nanoUsd(1_000n),
    holdTokens: 500,
    ...changes,
  };
}

export function aClose(intent: AttemptIntent, changes: Partial<AttemptClose> = {}): AttemptClose {
  const { kind: _kind, holdCost: _holdCost, holdTokens: _holdTokens, ...dimensions } = intent;
  return {
    ...dimensions,
    kind: 'settled',
    usage: {
      inputTokens: 10,
      cachedInputTokens: 1,
      cacheWriteTokens: 2,
      outputTokens: 20,
      reasoningTokens: 3,
      images: 0,
      audioMs: 0,
    },
    cost: nanoUsd(400n),
    meteringSource: 'PROVIDER',
    status: 'SUCCESS',
    upstreamStatus: 200,
    errorCode: null,
    disconnected: false,
    latencyMs: 12.6,
    timeToFirstByteMs: null,
    ...changes,
  };
}

export function anAdmission(intent: AttemptIntent, changes: Partial<AdmitRequest> = {}): AdmitRequest {
  const dayMs = 86_400_000;
  const startMs = Math.floor(intent.admittedAtMs / dayMs) * dayMs;
  return {
    organizationId: intent.organizationId,
    attemptId: intent.attemptId,
    windows: [],
    concurrency: [],
    holdings: [],
    day: { startMs, endMs: startMs + dayMs },
    validWithin: { startMs, endMs: startMs + dayMs },
    outputCap: null,
    outputCapMin: 0,
    leaseMs: 60_000,
    cooldownMs: 60_000,
    evidence: encodeEvidence(intent),
    ...changes,
  };
}

/** A COST holding of exactly the intent's upper bound. */
export function aHolding(counter: string, limit: bigint, intent: AttemptIntent): Holding {
  return { counter, metric: 'COST', limit, fixed: intent.holdCost, perOutputToken: 0n };
}

const text = fc.string({ unit: 'binary', maxLength: 20 });

/** Any intent that the path may produce, with the strangest texts. */
export const intents: fc.Arbitrary<AttemptIntent> = fc
  .record({
    modelRequested: text,
    modelEffective: text,
    provider: text,
    endpoint: text,
    priceId: fc.option(text),
    stream: fc.boolean(),
    attemptNumber: fc.integer({ min: 1, max: 9 }),
    decision: fc.constantFrom('PRIMARY', 'FAILOVER', 'OVERRIDE'),
    holdCost: fc.bigInt({ min: 0n, max: 9_007_199_254_740_991n }).map(nanoUsd),
    holdTokens: fc.nat(),
    admittedAtMs: fc.integer({ min: 1_700_000_000_000, max: 1_900_000_000_000 }),
  } as const)
  .map((changes) => anIntent(anOwner(), changes));

export const closes: fc.Arbitrary<AttemptClose> = fc
  .record({
    intent: intents,
    changes: fc.record({
      kind: fc.constantFrom('settled', 'provisional'),
      cost: fc.bigInt({ min: 0n, max: 9_007_199_254_740_991n }).map(nanoUsd),
      meteringSource: fc.constantFrom('PROVIDER', 'ESTIMATED', 'DRAINED', 'HOLD', 'NONE'),
      status: fc.constantFrom('SUCCESS', 'ERROR', 'TIMEOUT', 'THROTTLED', 'ABORTED', 'INCOMPLETE', 'UNKNOWN'),
      upstreamStatus: fc.option(fc.integer({ min: 100, max: 599 })),
      errorCode: fc.option(text),
      disconnected: fc.boolean(),
      latencyMs: fc.nat(),
      timeToFirstByteMs: fc.option(fc.nat()),
    } as const),
  })
  .map(({ intent, changes }) => aClose(intent, changes));
