/**
 * A grace lets requests go on for a while after a balance has no room left.
 *
 * It begins with the first request that is admitted although it does not fit, and lasts `graceMs` from then on, whatever
 * is raised, lowered or settled meanwhile: within it nothing is refused or clamped by this balance. Afterwards the
 * balance denies like any other, until it has room or its limit is higher than the one for which the grace began; then
 * it has another.
 *
 * A store that was flushed does not know whether a grace had begun. It does know, from the seed and from what proxies
 * re-asserted, what was spent and held before (`inherited`). Where that is beyond the limit, only a grace can have let
 * it in, and it counts as over. Where it is not, nothing has been spent beyond the limit, and a grace that begins now
 * is still the only time in which anything will be. So spend passes a limit during `graceMs` at most, flushed or not.
 */
export interface Grace {
  /** When it began. */
  readonly startedMs: number;
  /** For which limit. */
  readonly limit: number;
}

export type GraceState =
  { readonly kind: 'none' | 'armed' | 'over' } | { readonly kind: 'running'; readonly untilMs: number };

const NONE: GraceState = { kind: 'none' };
const ARMED: GraceState = { kind: 'armed' };
const OVER: GraceState = { kind: 'over' };

/** @param inherited What was spent and held before the balance was seeded. */
export function graceState(
  graceMs: number | undefined,
  limit: number,
  grace: Grace | undefined,
  inherited: number,
  nowMs: number,
): GraceState {
  if (graceMs === undefined || graceMs <= 0) return NONE;
  if (grace === undefined || limit > grace.limit) return inherited > limit ? OVER : ARMED;
  const untilMs = grace.startedMs + graceMs;
  return nowMs < untilMs ? { kind: 'running', untilMs } : OVER;
}
