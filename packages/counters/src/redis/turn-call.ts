import type { Uuid } from '@weir/kernel/ids';
import type { AdmitRequest, CalendarSpan, Settlement } from '../contract.ts';
import { assertBounded, holdTerms, leastCap } from '../attempt-request.ts';
import { NONE, toDoubles } from './doubles.ts';
import type { CallContext } from './keys.ts';
import { shapeOf, type Shape } from './shape.ts';

/** One admission on its way into a call. */
export interface Admission {
  readonly request: AdmitRequest;
  readonly shape: Shape;
  /** For `turn.lua`, without the position of its shape. */
  readonly numbers: readonly number[];
}

/** What `turn.lua` does at once for one organization, in this order. */
export interface Turn {
  readonly settlements: readonly Settlement[];
  /** All of one business day. */
  readonly admissions: readonly Admission[];
  /** Attempts whose closes are durable. */
  readonly concluded: readonly Uuid[];
}

/** KEYS and ARGV of `turn.lua`, and the shapes of its admissions in the order in which it tells their windows. */
export interface TurnCall {
  readonly keys: readonly string[];
  readonly args: readonly (string | Buffer)[];
  readonly shapes: readonly Shape[];
  /** The shape of each admission. */
  readonly shapeAt: readonly Shape[];
}

/** @throws TypeError, RangeError when the caller broke the contract. */
export function encodeAdmission(request: AdmitRequest): Admission {
  const { validWithin, outputCap, holdings } = request;
  const numbers = [validWithin.startMs, validWithin.endMs];
  numbers.push(outputCap === null ? NONE : Math.max(0, outputCap), leastCap(request), request.outputCapMin);
  numbers.push(request.leaseMs, request.cooldownMs);
  for (const holding of holdings) {
    const terms = holdTerms(holding);
    assertBounded(outputCap, terms, holding.counter);
    numbers.push(terms.fixed, terms.perOutputToken);
  }
  return { request, shape: shapeOf(request), numbers };
}

const NO_DAY: CalendarSpan = { startMs: 0, endMs: 0 };

export function encodeTurn(
  context: CallContext,
  { settlements, admissions, concluded }: Turn,
  purpose: 'admit' | 'inspect' = 'admit',
): TurnCall {
  const shapes: Shape[] = [];
  const [ended, begun]: [number[], number[]] = [[], []];
  const own: (string | Buffer)[] = [];
  for (const { attemptId, cost, tokens, requests, evidence } of settlements) {
    ended.push(Number(cost), tokens, requests);
    own.push(attemptId, evidence ?? '');
  }
  const begunAttempts: string[] = [];
  for (const { shape, numbers, request } of admissions) {
    let position = shapes.indexOf(shape);
    if (position < 0) position = shapes.push(shape) - 1;
    begun.push(position + 1, ...numbers);
    begunAttempts.push(request.attemptId, request.evidence);
  }
  for (const { chain, terms } of shapes) own.push(chain, terms);
  own.push(...begunAttempts, ...concluded);
  const day = admissions[0]?.request.day ?? NO_DAY;
  const head = [context.now === '' ? NONE : context.now, context.seedQuarantineMs, context.newEpoch];
  head.push(day.startMs, day.endMs, settlements.length, shapes.length, admissions.length);
  head.push(purpose === 'inspect' ? 1 : 0);
  const { keys } = context;
  return {
    keys: [keys.epoch, keys.leases],
    args: [toDoubles([...head, ...ended, ...begun]), keys.base, ...own],
    shapes,
    shapeAt: admissions.map(({ shape }) => shape),
  };
}
