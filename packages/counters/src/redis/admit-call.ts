import type { AdmitRequest, Holding, WindowLimit } from '../contract.ts';
import { toLimit } from '../amount.ts';
import { assertBounded, holdTerms, leastCap } from '../attempt-request.ts';
import { SLOT_COUNT, slotOf } from '../window-math.ts';
import { toDoubles } from './doubles.ts';
import type { CallContext, OrganizationKeys } from './keys.ts';

/** How the scripts write the metric of a balance. */
export const METRIC_CODES = { COST: 1, TOKENS: 2, REQUESTS: 3 } as const satisfies Record<
  Holding['metric'],
  number
>;

/** What stands for a number that is not given; every real limit and cap is at least 0. */
const NONE = -1;

/** KEYS and ARGV of `admit.lua`. */
export interface AdmitCall {
  readonly keys: readonly string[];
  readonly args: readonly (string | Buffer)[];
  /** The order in which the script tells windows (by subject, then by slot): positions in the request. */
  readonly positions: readonly number[];
}

/** The windows of one subject: per slot the position of its limit in the request. */
interface SubjectPlan {
  readonly subject: string;
  readonly positions: (number | undefined)[];
}

/** @throws TypeError, RangeError when the caller broke the contract. */
export function encodeAdmit(
  context: CallContext,
  request: AdmitRequest,
  purpose: 'admit' | 'inspect' = 'admit',
): AdmitCall {
  const { keys } = context;
  const { attemptId, validWithin, day, outputCap, windows, concurrency } = request;
  const plans = planSubjects(windows);
  const names = [keys.epoch, keys.attempt(attemptId), keys.leases];
  const numbers = [context.now === '' ? NONE : context.now, context.seedQuarantineMs];
  numbers.push(validWithin.startMs, validWithin.endMs, day.startMs, day.endMs);
  numbers.push(outputCap === null ? NONE : Math.max(0, outputCap), leastCap(request), request.outputCapMin);
  numbers.push(request.leaseMs, request.cooldownMs, context.newEpoch);
  numbers.push(plans.length, concurrency.length, request.holdings.length, purpose === 'inspect' ? 1 : 0);
  const positions: number[] = [];
  for (const plan of plans) {
    names.push(keys.windows(plan.subject));
    for (const position of plan.positions) {
      numbers.push(position === undefined ? NONE : Math.max(0, windows[position]?.limit ?? 0));
      if (position !== undefined) positions.push(position);
    }
  }
  for (const { subject, limit } of concurrency) {
    names.push(keys.concurrency(subject));
    numbers.push(limit);
  }
  pushHoldings(keys, request, names, numbers);
  return { keys: names, args: [toDoubles(numbers), keys.base, attemptId, request.evidence], positions };
}

function pushHoldings(
  keys: OrganizationKeys,
  request: AdmitRequest,
  names: string[],
  numbers: number[],
): void {
  for (const holding of request.holdings) {
    const name = keys.balance(holding.counter);
    if (names.includes(name)) throw new TypeError(`${holding.counter} is given twice`);
    const terms = holdTerms(holding);
    assertBounded(request.outputCap, terms, holding.counter);
    names.push(name);
    numbers.push(toLimit(holding.limit), terms.fixed, terms.perOutputToken);
    numbers.push(METRIC_CODES[holding.metric], holding.graceMs ?? 0);
  }
}

function planSubjects(windows: readonly WindowLimit[]): SubjectPlan[] {
  const plans: SubjectPlan[] = [];
  let plan: SubjectPlan | undefined;
  for (const [position, window] of windows.entries()) {
    // Callers give the windows of one subject together, so the last plan is nearly always the right one.
    if (plan?.subject !== window.subject) plan = plans.find((other) => other.subject === window.subject);
    if (plan === undefined) {
      plan = {
        subject: window.subject,
        positions: new Array<number | undefined>(SLOT_COUNT).fill(undefined),
      };
      plans.push(plan);
    }
    const slot = slotOf(window.metric, window.window);
    if (plan.positions[slot] !== undefined)
      throw new TypeError(`${window.subject} has a window that is given twice`);
    plan.positions[slot] = position;
  }
  return plans;
}
