import type { AdmitRequest, AdmitResult, WindowLimit, WindowState } from '../contract.ts';
import { tightestWindows } from '../tightest-windows.ts';
import { slotOf, waitFor, windowState } from '../window-math.ts';
import type { Shape } from './shape.ts';
import type { Admission } from './turn-call.ts';
import { intAt, STATUS, type Reply, type TurnReplies } from './turn-replies.ts';

/** @throws TypeError when the attempt was settled before it was admitted. */
export function decodeAdmit(replies: TurnReplies, index: number, { shape, request }: Admission): AdmitResult {
  const reply = replies.admission(index);
  const nowMs = intAt(reply, 1);
  if (intAt(reply, 0) !== STATUS.admitted) return decodeRefusal(reply, shape, request, nowMs);
  const [cap, graceUntilMs] = [intAt(reply, 2), intAt(reply, 3)];
  return {
    kind: 'admitted',
    nowMs,
    outputCap: cap < 0 ? null : cap,
    graceUntilMs: graceUntilMs < 0 ? null : graceUntilMs,
    windows: tightestOf(replies.countsAfter(index), shape, request, nowMs),
  };
}

function decodeRefusal(reply: Reply, shape: Shape, request: AdmitRequest, nowMs: number): AdmitResult {
  switch (intAt(reply, 0)) {
    case STATUS.window:
      return deniedByWindow(reply, shape, request, nowMs);
    case STATUS.concurrency:
      return deniedByConcurrency(reply, request, nowMs);
    case STATUS.holding:
      return deniedByHolding(reply, request, nowMs);
    case STATUS.unseeded:
      return unseeded(reply, shape, request, nowMs);
    case STATUS.stale:
      return { kind: 'stale', nowMs };
    case STATUS.withdrawn:
      throw new TypeError('the attempt was settled before it was admitted');
    default:
      throw new TypeError('a function of the counter store answered with an unknown status');
  }
}

function tightestOf(
  counts: Reply,
  { positions }: Shape,
  request: AdmitRequest,
  nowMs: number,
): WindowState[] {
  const at = new Array<number>(request.windows.length);
  for (let n = 0; n < positions.length; n++) at[positions[n] ?? 0] = n * 2;
  return tightestWindows(
    request,
    {
      current: (position) => intAt(counts, at[position] ?? -1),
      previous: (position) => intAt(counts, (at[position] ?? -2) + 1),
    },
    nowMs,
  );
}

export const LETS_THROUGH = 0;
export const COOLING = 2;

/** Names the window that takes longest, so waiting for it is waiting for all. */
function deniedByWindow(reply: Reply, shape: Shape, request: AdmitRequest, nowMs: number): AdmitResult {
  let longest = -1;
  let denial: AdmitResult | undefined;
  for (const [n, position] of shape.positions.entries()) {
    const window: WindowLimit | undefined = request.windows[position];
    const at = 2 + n * 4;
    const flag = intAt(reply, at + 3);
    if (window === undefined || flag === LETS_THROUGH) continue;
    const slot = slotOf(window.metric, window.window);
    const [current, previous, coolingUntilMs] = [
      intAt(reply, at),
      intAt(reply, at + 1),
      intAt(reply, at + 2),
    ];
    const wait = waitFor(slot, window.limit, current, previous, nowMs, request.day);
    const retryAfterMs = Math.max(wait, coolingUntilMs - nowMs);
    if (retryAfterMs <= longest) continue;
    longest = retryAfterMs;
    const state = { ...windowState(window, slot, current, previous, nowMs, request.day), remaining: 0 };
    denial = {
      kind: 'denied',
      reason: flag === COOLING ? 'cooldown' : 'window',
      nowMs,
      window: state,
      retryAfterMs,
    };
  }
  if (denial === undefined) throw new TypeError('a function of the counter store denied without a window');
  return denial;
}

function deniedByConcurrency(reply: Reply, request: AdmitRequest, nowMs: number): AdmitResult {
  const limit = request.concurrency[intAt(reply, 2) - 1];
  if (limit === undefined) throw new TypeError('a function of the counter store denied without a limit');
  const freeAtMs = intAt(reply, 3);
  const retryAfterMs = freeAtMs === 0 ? request.leaseMs : freeAtMs - nowMs;
  return {
    kind: 'denied',
    reason: 'concurrency',
    nowMs,
    subject: limit.subject,
    limit: limit.limit,
    retryAfterMs,
  };
}

function deniedByHolding(reply: Reply, request: AdmitRequest, nowMs: number): AdmitResult {
  const holding = request.holdings[intAt(reply, 2) - 1];
  if (holding === undefined) throw new TypeError('a function of the counter store denied without a holding');
  const [committed, held] = [BigInt(intAt(reply, 3)), BigInt(intAt(reply, 4))];
  return {
    kind: 'denied',
    reason: 'holding',
    nowMs,
    counter: holding.counter,
    limit: holding.limit,
    committed,
    held,
    isGraceOver: (holding.graceMs ?? 0) > 0,
  };
}

export function unseeded(
  reply: Reply,
  shape: Shape,
  request: Pick<AdmitRequest, 'windows' | 'holdings'>,
  nowMs: number,
): Extract<AdmitResult, { kind: 'unseeded' }> {
  const firstHolding = 6 + intAt(reply, 5);
  const missing = new Set<number>();
  for (let at = 6; at < firstHolding; at++) missing.add(shape.positions[intAt(reply, at) - 1] ?? -1);
  const holdings: string[] = [];
  for (let at = firstHolding; at < reply.length; at++) {
    holdings.push(request.holdings[intAt(reply, at) - 1]?.counter ?? '');
  }
  return {
    kind: 'unseeded',
    nowMs,
    epoch: String(intAt(reply, 2)),
    openedAtMs: intAt(reply, 3),
    windows: request.windows.filter((_, position) => missing.has(position)),
    holdings,
    opensInMs: intAt(reply, 4),
  };
}
