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

/** One admission on its way into a call. */
export interface EncodedAdmission {
  readonly request: AdmitRequest;
  readonly plan: WindowPlan;
  /** For `admit.lua`, without the position of its shape. */
  readonly numbers: readonly number[];
}

/** The windows of a chain as `admit.lua` wants them: by subject, and each subject's by slot. */
export interface WindowPlan {
  readonly subjects: readonly string[];
  /** Six limits per subject. */
  readonly limits: readonly number[];
  /** The order in which the script tells windows: positions in the request. */
  readonly positions: readonly number[];
}

/** KEYS and ARGV of `admit.lua`. */
export interface AdmitCall {
  readonly keys: readonly string[];
  readonly args: readonly (string | Buffer)[];
}

/** A route asks for the same windows with every request. */
const plans = new WeakMap<readonly WindowLimit[], WindowPlan>();

/** @throws TypeError, RangeError when the caller broke the contract. */
export function encodeAdmission(request: AdmitRequest): EncodedAdmission {
  const { validWithin, outputCap, windows, holdings } = request;
  let plan = plans.get(windows);
  if (plan === undefined) {
    plan = planOf(windows);
    plans.set(windows, plan);
  }
  const numbers = [validWithin.startMs, validWithin.endMs];
  numbers.push(outputCap === null ? NONE : Math.max(0, outputCap), leastCap(request), request.outputCapMin);
  numbers.push(request.leaseMs, request.cooldownMs);
  for (const holding of holdings) {
    if (holdings.find(({ counter }) => counter === holding.counter) !== holding)
      throw new TypeError(`${holding.counter} is given twice`);
    const terms = holdTerms(holding);
    assertBounded(outputCap, terms, holding.counter);
    numbers.push(terms.fixed, terms.perOutputToken);
  }
  return { request, plan, numbers };
}

/** Several admissions of one organization and one day as one call; their replies come in the same order. */
export function encodeAdmissions(
  context: CallContext,
  admissions: readonly EncodedAdmission[],
  purpose: 'admit' | 'inspect' = 'admit',
): AdmitCall {
  const { keys } = context;
  const shapes: EncodedAdmission[] = [];
  const attempts: string[] = [];
  const own: (string | Buffer)[] = [];
  for (const admission of admissions) {
    const { attemptId, evidence } = admission.request;
    let shape = shapes.findIndex((other) => isSameShape(other, admission));
    if (shape < 0) shape = shapes.push(admission) - 1;
    attempts.push(keys.attempt(attemptId));
    own.push(toDoubles([shape + 1, ...admission.numbers]), attemptId, evidence);
  }
  const day = admissions[0]?.request.day ?? { startMs: 0, endMs: 0 };
  const head = [context.now === '' ? NONE : context.now, context.seedQuarantineMs, context.newEpoch];
  head.push(day.startMs, day.endMs, shapes.length, purpose === 'inspect' ? 1 : 0);
  return {
    keys: [keys.epoch, keys.leases, ...shapes.flatMap((shape) => shapeKeys(keys, shape)), ...attempts],
    args: [toDoubles(head), keys.base, ...shapes.map((shape) => toDoubles(shapeNumbers(shape))), ...own],
  };
}

function isSameShape(one: EncodedAdmission, other: EncodedAdmission): boolean {
  const [ours, theirs] = [one.request, other.request];
  return (
    one.plan === other.plan &&
    ours.concurrency === theirs.concurrency &&
    ours.holdings.length === theirs.holdings.length &&
    ours.holdings.every((holding, index) => isSameBalance(holding, theirs.holdings[index]))
  );
}

function isSameBalance(one: Holding, other: Holding | undefined): boolean {
  return (
    one.counter === other?.counter &&
    one.limit === other.limit &&
    one.metric === other.metric &&
    one.graceMs === other.graceMs
  );
}

function shapeKeys(keys: OrganizationKeys, { plan, request }: EncodedAdmission): string[] {
  return [
    ...plan.subjects.map((subject) => keys.windows(subject)),
    ...request.concurrency.map(({ subject }) => keys.concurrency(subject)),
    ...request.holdings.map(({ counter }) => keys.balance(counter)),
  ];
}

function shapeNumbers({ plan, request: { concurrency, holdings } }: EncodedAdmission): number[] {
  const numbers = [plan.subjects.length, concurrency.length, holdings.length, ...plan.limits];
  for (const { limit } of concurrency) numbers.push(limit);
  for (const { limit, metric, graceMs } of holdings)
    numbers.push(toLimit(limit), METRIC_CODES[metric], graceMs ?? 0);
  return numbers;
}

function planOf(windows: readonly WindowLimit[]): WindowPlan {
  const bySubject = new Map<string, (number | undefined)[]>();
  for (const [position, { subject, metric, window }] of windows.entries()) {
    let slots = bySubject.get(subject);
    if (slots === undefined) {
      slots = new Array<number | undefined>(SLOT_COUNT).fill(undefined);
      bySubject.set(subject, slots);
    }
    const slot = slotOf(metric, window);
    if (slots[slot] !== undefined) throw new TypeError(`${subject} has a window that is given twice`);
    slots[slot] = position;
  }
  const slots = [...bySubject.values()].flat();
  return {
    subjects: [...bySubject.keys()],
    limits: slots.map((at) => (at === undefined ? NONE : Math.max(0, windows[at]?.limit ?? 0))),
    positions: slots.filter((at) => at !== undefined),
  };
}
