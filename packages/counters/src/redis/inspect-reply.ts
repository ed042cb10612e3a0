import type { InspectRequest, InspectResult, InspectedWindow } from '../contract.ts';
import { toLimit } from '../amount.ts';
import { graceState } from '../grace.ts';
import { slotOf, waitFor, windowState } from '../window-math.ts';
import { COOLING, LETS_THROUGH, unseeded } from './admit-reply.ts';
import type { Shape } from './shape.ts';
import { intAt, replyRows, STATUS, type Reply } from './turn-replies.ts';

/** What `turn.lua` tells when it is only asked how everything stands. */
export function decodeInspect(value: unknown, shape: Shape, request: InspectRequest): InspectResult {
  const [reply = new Float64Array()] = replyRows(value);
  const nowMs = intAt(reply, 1);
  const status = intAt(reply, 0);
  if (status === STATUS.stale) return { kind: 'stale', nowMs };
  if (status === STATUS.unseeded) return unseeded(reply, shape, request, nowMs);
  if (status !== STATUS.inspected)
    throw new TypeError('a function of the counter store answered with an unknown status');
  const afterWindows = 2 + shape.positions.length * 4;
  const afterConcurrency = afterWindows + request.concurrency.length;
  return {
    kind: 'inspected',
    nowMs,
    windows: windowsOf(reply, shape, request, nowMs),
    concurrency: request.concurrency.map((limit, index) => ({
      ...limit,
      running: intAt(reply, afterWindows + index),
    })),
    holdings: request.holdings.map(({ counter, limit, graceMs }, index) => {
      const at = afterConcurrency + index * 5;
      const [inherited, startedMs] = [intAt(reply, at + 2), intAt(reply, at + 3)];
      const grace = startedMs < 0 ? undefined : { startedMs, limit: intAt(reply, at + 4) };
      return {
        counter,
        committed: BigInt(intAt(reply, at)),
        held: BigInt(intAt(reply, at + 1)),
        grace: graceState(graceMs, toLimit(limit), grace, inherited, nowMs),
      };
    }),
  };
}

function windowsOf(reply: Reply, shape: Shape, request: InspectRequest, nowMs: number): InspectedWindow[] {
  const states = new Array<InspectedWindow>(request.windows.length);
  for (const [n, position] of shape.positions.entries()) {
    const window = request.windows[position];
    if (window === undefined) continue;
    const at = 2 + n * 4;
    const [current, previous, coolingUntilMs, flag] = [
      intAt(reply, at),
      intAt(reply, at + 1),
      intAt(reply, at + 2),
      intAt(reply, at + 3),
    ];
    const slot = slotOf(window.metric, window.window);
    const state = windowState(window, slot, current, previous, nowMs, request.day);
    const waitMs = waitFor(slot, window.limit, current, previous, nowMs, request.day);
    const isCooling = flag === COOLING;
    states[position] = {
      ...state,
      remaining: isCooling ? 0 : state.remaining,
      retryAfterMs: flag === LETS_THROUGH ? 0 : Math.max(waitMs, isCooling ? coolingUntilMs - nowMs : 0),
    };
  }
  return states;
}
