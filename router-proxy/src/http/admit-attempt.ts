import type { AttemptIntent } from '@weir/contracts/attempt-record';
import type { WindowState } from '@weir/counters/contract';
import type { Deployments } from '@weir/counters/deployments/contract';
import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import { newUuid } from '@weir/kernel/ids';
import {
  admittedIntent,
  prepareAdmission,
  type AdmissionSettings,
  type AttemptDraft,
  type PreparedAdmission,
} from '../admission/admission-request.ts';
import { boundProblem, type AttemptBound } from '../admission/attempt-bound.ts';
import { denialError } from '../admission/denial.ts';
import type { AdmissionGate, Admission, Meter } from '../metering/contract.ts';
import type { Candidate } from '../routing/attempt-plan.ts';
import type { InferenceRun } from './run-attempts.ts';

/** An attempt that holds what it may consume and is in the ledger. It has to be dispatched, or closed. */
export interface AdmittedAttempt {
  readonly candidate: Candidate;
  readonly intent: AttemptIntent;
  readonly bound: AttemptBound;
  /** What the provider may be asked for at most; null where nothing limits it. */
  readonly outputCap: number | null;
}

/** @throws AppError for every denial; then nothing is held. */
export type Admit = (
  run: InferenceRun,
  candidate: Candidate,
  earlier: AttemptDraft['earlier'],
) => Promise<AdmittedAttempt>;

export interface AdmitDeps {
  readonly gate: AdmissionGate;
  readonly meter: Meter;
  readonly deployments: Deployments;
  readonly clock: Clock;
  readonly settings: AdmissionSettings;
  readonly onAdmitted: (durationMs: number) => void;
}

/** Step 11, and the intent of step 12. */
export function createAdmit({ gate, meter, deployments, clock, settings, onAdmitted }: AdmitDeps): Admit {
  return async (run, candidate, earlier) => {
    const { exchange } = run;
    let prepared: PreparedAdmission | undefined;
    try {
      if (!meter.isAccepting()) throw cannotRecord();
      const startedMs = performance.now();
      const draft = draftOf(run, candidate, earlier, clock.now());
      const asked = gate.admit(
        (nowMs) => {
          prepared = prepare(draft, settings, nowMs);
          return prepared.request;
        },
        () => exchange.lifetime.signal,
      );
      const admission = asked instanceof Promise ? await asked : asked;
      if (!prepared) throw new Error('an admission was given without a request');
      const durationMs = performance.now() - startedMs;
      exchange.notes.admissionMs = (exchange.notes.admissionMs ?? 0) + durationMs;
      onAdmitted(durationMs);
      noteLimits(run, admission);
      if (admission.kind === 'denied') throw denialError(admission, run.policy);
      const intent = admittedIntent(prepared, admission);
      await meter.begin(intent, prepared.request, admission.outputCap);
      return { candidate, intent, bound: prepared.bound, outputCap: admission.outputCap };
    } catch (thrown) {
      deployments.released(candidate.claim);
      throw thrown;
    }
  };
}

/** @throws AppError where the attempt cannot be bounded and would have to be. */
function prepare(draft: AttemptDraft, settings: AdmissionSettings, nowMs: number): PreparedAdmission {
  const prepared = prepareAdmission(draft, settings, nowMs);
  const problem = boundProblem(draft.candidate.route, draft.bound, prepared.bound);
  if (problem) throw problem;
  return prepared;
}

function draftOf(
  { policy, call, exchange, endpoint }: InferenceRun,
  candidate: Candidate,
  earlier: AttemptDraft['earlier'],
  nowMs: number,
): AttemptDraft {
  return {
    policy,
    candidate,
    bound: call.bound,
    requestId: exchange.requestId,
    attemptId: newUuid(nowMs),
    earlier,
    endpoint: endpoint.path,
    stream: call.stream,
  };
}

/** Later attempts of a request count in hardly any window of requests, so what the first one was told stays. */
function noteLimits({ exchange }: InferenceRun, admission: Admission): void {
  if (exchange.limits) return;
  const graceUntilMs = admission.kind === 'admitted' ? admission.graceUntilMs : null;
  const windows = windowsOf(admission);
  if (windows.length === 0 && graceUntilMs === null) return;
  exchange.limits = { windows, nowMs: admission.nowMs, graceUntilMs };
}

function windowsOf(admission: Admission): readonly WindowState[] {
  if (admission.kind === 'admitted') return admission.windows;
  return admission.reason === 'window' || admission.reason === 'cooldown' ? [admission.window] : [];
}

function cannotRecord(): AppError {
  return new AppError('DEPENDENCY_UNAVAILABLE', 'Usage cannot be recorded right now. Try again shortly.', {
    message: 'the ledger spill is full',
    retryAfterSeconds: 5,
  });
}
