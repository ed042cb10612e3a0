import type { AttemptIntent } from '@weir/contracts/attempt-record';
import type { AdmitRequest, ConcurrencyLimit, WindowLimit } from '@weir/counters/contract';
import type { Uuid } from '@weir/kernel/ids';
import { nanoUsd } from '@weir/kernel/money';
import { businessDate } from '@weir/kernel/period';
import type { CallBound } from '../endpoints/endpoint.ts';
import type { Policy } from '../keys/policy.ts';
import { encodeEvidence } from '../metering/record-codec.ts';
import type { Candidate } from '../routing/attempt-plan.ts';
import { boundAttempt, type AttemptBound } from './attempt-bound.ts';
import { holdingsAt } from './holdings.ts';
import { modelOf } from './subject.ts';

export interface AdmissionSettings {
  readonly leaseMs: number;
  /** How long a denied minute or hour keeps denying. */
  readonly cooldownMs: number;
  /** The smallest output cap that still gives a useful answer. */
  readonly outputCapMin: number;
}

/** One attempt of one request, before it is admitted. */
export interface AttemptDraft {
  readonly policy: Policy;
  readonly candidate: Candidate;
  readonly bound: CallBound;
  readonly requestId: Uuid;
  readonly attemptId: Uuid;
  /** The attempts of the request so far, by the effective models that they were for. */
  readonly earlier: readonly { readonly model: string }[];
  /** The endpoint's own name. */
  readonly endpoint: string;
  readonly stream: boolean;
}

/** What is asked of the counter store, and what the ledger will say about the attempt. */
export interface PreparedAdmission {
  readonly request: AdmitRequest;
  readonly intent: AttemptIntent;
  readonly bound: AttemptBound;
}

/**
 * Builds an attempt's admission for one instant; built anew when the store's clock is in another business day.
 *
 * A request counts once: later attempts ask for no window of requests again, and take a slot of concurrency over from
 * the one before, whatever the limit. Only what limits a model that the request turns to then is asked anew, or turning
 * to it would be a way past its limits. Each attempt holds its budgets and names the token windows, where its tokens are
 * counted once they are known.
 */
export function prepareAdmission(
  draft: AttemptDraft,
  settings: AdmissionSettings,
  nowMs: number,
): PreparedAdmission {
  const { policy, candidate } = draft;
  const { route } = candidate;
  const { organization } = policy.snapshot;
  const bound = boundAttempt(policy, route, draft.bound, nowMs);
  const { holdings, day, validWithin } = holdingsAt(route, bound, organization.timeZone, nowMs);
  const intent = intentOf(draft, bound, nowMs);
  const counted = draft.earlier.length > 0 ? countedAlready(draft) : undefined;
  const outputCapMin = Math.max(settings.outputCapMin, capMinOf(draft.bound));
  const request: AdmitRequest = {
    organizationId: organization.id,
    attemptId: draft.attemptId,
    windows: counted ? windowsAfter(route.windows, counted) : route.windows,
    concurrency: counted ? slotsAfter(route.concurrency, counted) : route.concurrency,
    holdings,
    day,
    validWithin,
    outputCap: bound.outputCap,
    outputCapMin: Math.min(outputCapMin, bound.outputCap ?? outputCapMin),
    leaseMs: settings.leaseMs,
    cooldownMs: settings.cooldownMs,
    evidence: evidenceOf(intent, bound),
  };
  return { request, intent, bound };
}

/** The intent with what the store decided: its clock, and the output cap that it granted. */
export function admittedIntent(
  { intent, bound }: PreparedAdmission,
  admission: { readonly nowMs: number; readonly outputCap: number | null },
): AttemptIntent {
  const isAsPrepared = admission.nowMs === intent.admittedAtMs && admission.outputCap === bound.outputCap;
  return isAsPrepared
    ? intent
    : { ...intent, admittedAtMs: admission.nowMs, ...holdOf(bound, admission.outputCap) };
}

/** What the provider asks for at least, where it asks for anything. */
function capMinOf({ output }: CallBound): number {
  return output.kind === 'capped' ? (output.capMin ?? 1) : 1;
}

function intentOf(draft: AttemptDraft, bound: AttemptBound, nowMs: number): AttemptIntent {
  const { policy, candidate } = draft;
  const { organization, key } = policy.snapshot;
  return {
    kind: 'intent',
    attemptId: draft.attemptId,
    requestId: draft.requestId,
    attemptNumber: draft.earlier.length + 1,
    organizationId: organization.id,
    accountPath: policy.accountPath,
    apiKeyId: key.id,
    modelRequested: candidate.route.requested,
    modelEffective: candidate.route.model.name,
    provider: candidate.target.key.provider,
    providerKeyId: candidate.target.key.id,
    decision: candidate.decision,
    endpoint: draft.endpoint,
    stream: draft.stream,
    priceId: bound.price?.id ?? null,
    admittedAtMs: nowMs,
    businessDate: businessDate(nowMs, organization.timeZone),
    ...holdOf(bound, bound.outputCap),
  };
}

function holdOf(
  bound: AttemptBound,
  outputCap: number | null,
): Pick<AttemptIntent, 'holdCost' | 'holdTokens'> {
  const cap = outputCap ?? 0;
  return {
    holdCost: nanoUsd(bound.costFixed + bound.costPerOutputToken * BigInt(cap)),
    holdTokens: bound.tokensFixed + bound.tokensPerOutputToken * cap,
  };
}

function evidenceOf(intent: AttemptIntent, bound: AttemptBound): string {
  if (bound.outputCap === null) return encodeEvidence(intent);
  return encodeEvidence(intent, {
    outputCap: bound.outputCap,
    costPerOutputToken: bound.costPerOutputToken,
    tokensPerOutputToken: bound.tokensPerOutputToken,
  });
}

/** Whether the request counts for a subject since an earlier attempt. */
function countedAlready({ candidate, earlier }: AttemptDraft): (subject: string) => boolean {
  const { name } = candidate.route.model;
  const isModelNew = earlier.every(({ model }) => model !== name);
  return (subject) => !isModelNew || modelOf(subject) === null;
}

type Counted = ReturnType<typeof countedAlready>;

function windowsAfter(windows: readonly WindowLimit[], isCounted: Counted): readonly WindowLimit[] {
  return windows.filter(({ metric, subject }) => metric === 'tokens' || !isCounted(subject));
}

function slotsAfter(slots: readonly ConcurrencyLimit[], isCounted: Counted): readonly ConcurrencyLimit[] {
  return slots.map((slot) => (isCounted(slot.subject) ? { ...slot, limit: Number.MAX_SAFE_INTEGER } : slot));
}
