/**
 * Stops asking a store that does not answer. closed: calls pass, and so many failures in a row open it. open: calls
 * fail at once. half-open: after a pause one call is the probe; it closes the breaker or opens it again.
 */
export interface Breaker {
  /** Whether a call may be made now; true for the one probe of a half-open breaker. */
  tryEnter(): boolean;
  succeeded(): void;
  failed(cause: unknown): void;
  isClosed(): boolean;
}

export interface BreakerOptions {
  readonly failuresToOpen: number;
  readonly pauseMs: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Told when it opens (with the failure that did it) and when it closes. */
  readonly onChange?: ((state: 'open' | 'closed', cause: unknown) => void) | undefined;
}

type State =
  | { readonly kind: 'closed'; readonly failures: number }
  | { readonly kind: 'open'; readonly untilMs: number }
  /** A probe that never returns is replaced by another when its time is over. */
  | { readonly kind: 'probing'; readonly untilMs: number };

const CLOSED: State = { kind: 'closed', failures: 0 };

export function createBreaker({ failuresToOpen, pauseMs, now, onChange }: BreakerOptions): Breaker {
  let state: State = CLOSED;

  return {
    tryEnter() {
      if (state.kind === 'closed') return true;
      if (now() < state.untilMs) return false;
      state = { kind: 'probing', untilMs: now() + pauseMs };
      return true;
    },
    succeeded() {
      // Answers to calls made before it opened come late and prove nothing about the present.
      if (state.kind === 'open') return;
      const wasProbing = state.kind === 'probing';
      state = CLOSED;
      if (wasProbing) onChange?.('closed', undefined);
    },
    failed(cause) {
      if (state.kind === 'open') return;
      const failures = state.kind === 'closed' ? state.failures + 1 : failuresToOpen;
      if (failures < failuresToOpen) {
        state = { kind: 'closed', failures };
        return;
      }
      const wasClosed = state.kind === 'closed';
      state = { kind: 'open', untilMs: now() + pauseMs };
      if (wasClosed) onChange?.('open', cause);
    },
    isClosed: () => state.kind === 'closed',
  };
}
