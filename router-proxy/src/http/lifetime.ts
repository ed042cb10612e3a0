import type { AppError } from '@weir/kernel/errors';

/** Why a request ends before its answer does. */
export type Ending =
  | { readonly kind: 'client gone' }
  /** By us: the key was revoked, the time is over, the process stops. */
  | { readonly kind: 'stopped'; readonly error: AppError };

/** One per request: everything that waits on behalf of a request listens to it. */
export interface Lifetime {
  readonly ending: Ending | null;
  /** Aborted at the end, for what understands signals. */
  readonly signal: AbortSignal;
  /** The first ending counts, except that a request whose client left may still be stopped. */
  end(ending: Ending): void;
  /** Replaces the listener; the phases of a request follow each other, so there is one at a time. */
  listen(listener: ((ending: Ending) => void) | null): void;
}

export function createLifetime(): Lifetime {
  /** Made when somebody asks for its signal, which few requests do. */
  let controller: AbortController | undefined;
  let ending: Ending | null = null;
  let listener: ((ending: Ending) => void) | null = null;
  return {
    get ending() {
      return ending;
    },
    get signal() {
      controller ??= new AbortController();
      if (ending) controller.abort();
      return controller.signal;
    },
    end(next) {
      if (ending?.kind === 'stopped' || ending?.kind === next.kind) return;
      ending = next;
      controller?.abort();
      listener?.(next);
    },
    listen(next) {
      listener = next;
      if (ending) listener?.(ending);
    },
  };
}
