import { uuidTimeMs } from '@weir/kernel/ids';
import type { AdmitRequest } from '../contract.ts';
import { assertBounded, holdAmount, holdTerms } from '../attempt-request.ts';
import { isTokenSlot, slotOf } from '../window-math.ts';
import { METRIC_CODES } from './admit-call.ts';
import type { CallContext } from './keys.ts';

/** KEYS and ARGV of `reassert.lua`. Slots are numbered from 1 there. */
export function encodeReassert(
  { keys, now, newEpoch }: CallContext,
  request: AdmitRequest,
  outputCap: number | null,
): { keys: string[]; args: (string | number)[] } {
  const tokenSlots = new Map<string, number[]>();
  for (const { subject, metric, window } of request.windows) {
    const slot = slotOf(metric, window);
    if (!isTokenSlot(slot)) continue;
    const slots = tokenSlots.get(subject);
    if (slots === undefined) tokenSlots.set(subject, [slot + 1]);
    else slots.push(slot + 1);
  }
  const occupied = request.concurrency.map((limit) => limit.subject);
  const names = [keys.epoch, keys.attempt(request.attemptId), keys.leases];
  const admittedAtMs = uuidTimeMs(request.attemptId);
  const args: (string | number)[] = [
    now,
    keys.base,
    request.attemptId,
    admittedAtMs,
    outputCap ?? '',
    request.leaseMs,
  ];
  args.push(request.evidence, JSON.stringify([...tokenSlots]), JSON.stringify(occupied), newEpoch);
  for (const holding of request.holdings) {
    const terms = holdTerms(holding);
    assertBounded(outputCap, terms, holding.counter);
    names.push(keys.balance(holding.counter));
    args.push(holdAmount(terms, outputCap), METRIC_CODES[holding.metric]);
  }
  return { keys: names, args };
}
