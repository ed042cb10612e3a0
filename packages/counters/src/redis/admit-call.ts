import type { AdmitRequest, Holding, WindowLimit } from '../contract.ts';
import { toLimit } from '../amount.ts';
import { assertBounded, holdTerms, leastCap } from '../attempt-request.ts';
import { SLOT_COUNT, slotOf } from '../window-math.ts';
import type { CallContext, OrganizationKeys } from './keys.ts';

/** How the scripts write the metric of a balance. */
export const METRIC_CODES = { COST: 'C', TOKENS: 'T', REQUESTS: 'R' } as const satisfies Record<
  Holding['metric'],
  string
>;

type Argument = string | number;

/** KEYS and ARGV of `admit.lua`. */
export interface AdmitCall {
  readonly keys: readonly string[];
  readonly args: readonly Argument[];
  /** The order in which the script tells windows (by subject, then by slot): positions in the request. */
  readonly positions: readonly number[];
}

/** The windows of one subject: per slot the position of its limit in the request. */
interface SubjectPlan {
  readonly subject: string;
  readonly positions: (number | undefined)[];
}

/** @throws TypeError, RangeError when the caller broke the contract. */
export function encodeAdmit(context: CallContext, request: AdmitRequest): AdmitCall {
  const { keys } = context;
  const { attemptId, validWithin, day, outputCap, windows, concurrency, holdings } = request;
  const plans = planSubjects(windows);
  const names = [keys.epoch, keys.attempt(attemptId), keys.leases];
  const args: Argument[] = [context.now, keys.base, attemptId, context.seedQuarantineMs];
  args.push(validWithin.startMs, validWithin.endMs, day.startMs, day.endMs);
  args.push(outputCap ?? '', leastCap(request), request.outputCapMin, request.leaseMs, request.cooldownMs);
  args.push(request.evidence, context.newEpoch, plans.length, concurrency.length, holdings.length);
  const positions: number[] = [];
  for (const plan of plans) {
    names.push(keys.windows(plan.subject));
    for (const position of plan.positions) {
      args.push(position === undefined ? '' : (windows[position]?.limit ?? ''));
      if (position !== undefined) positions.push(position);
    }
  }
  for (const { subject, limit } of concurrency) {
    names.push(keys.concurrency(subject));
    args.push(limit);
  }
  pushHoldings(keys, request, names, args);
  return { keys: names, args, positions };
}

function pushHoldings(
  keys: OrganizationKeys,
  request: AdmitRequest,
  names: string[],
  args: Argument[],
): void {
  for (const holding of request.holdings) {
    const name = keys.balance(holding.counter);
    if (names.includes(name)) throw new TypeError(`${holding.counter} is given twice`);
    const terms = holdTerms(holding);
    assertBounded(request.outputCap, terms, holding.counter);
    names.push(name);
    args.push(toLimit(holding.limit), terms.fixed, terms.perOutputToken, METRIC_CODES[holding.metric]);
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
