import { uuidTimeMs } from '@weir/kernel/ids';
import type { AdmitRequest } from '../contract.ts';
import { assertBounded, holdAmount, holdTerms } from '../attempt-request.ts';
import type { CallContext } from './keys.ts';
import { METRIC_CODES, shapeOf } from './shape.ts';

/** KEYS and ARGV of `reassert.lua`. */
export function encodeReassert(
  { keys, now, newEpoch }: CallContext,
  request: AdmitRequest,
  outputCap: number | null,
): { keys: string[]; args: (string | number)[] } {
  const { attemptId, leaseMs, evidence } = request;
  const args: (string | number)[] = [now, keys.base, newEpoch, attemptId, uuidTimeMs(attemptId)];
  args.push(outputCap ?? '', leaseMs, evidence, shapeOf(request).chain);
  for (const holding of request.holdings) {
    const terms = holdTerms(holding);
    assertBounded(outputCap, terms, holding.counter);
    args.push(holding.counter, holdAmount(terms, outputCap), METRIC_CODES[holding.metric]);
  }
  return { keys: [keys.epoch, keys.leases], args };
}
