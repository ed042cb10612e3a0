import type { AppError } from '@weir/kernel/errors';

/** Why a request ends before its answer does. */
export type Ending =
  | { readonly kind: 'client gone' }
  /** By us: the key was revoked, the time is over, the process stops. */
  | { readonly kind: 'stopped'; readonly error: AppError };

/** One per request: everything that waits on behalf of a request listens to it. */
export class Lifetime {
  /** Null while nothing ended it. */
  ending: Ending | null = null;
  /** Made when somebody asks for its signal, which few requests do. */
  #controller: AbortController | null = null;
  #listener: ((ending: Ending) => void) | null = null;

  /** Aborted at the end, for what understands signals. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.ending) this.#controller.abort();
    return this.#controller.signal;
  }

  /** The first ending counts, except that a request whose client left may still be stopped. */
  end(next: Ending): void {
    if (this.ending?.kind === 'stopped' || this.ending?.kind === next.kind) return;
    this.ending = next;
    this.#controller?.abort();
    this.#listener?.(next);
  }

  /** Replaces the listener; the phases of a request follow each other, so there is one at a time. */
  listen(listener: ((ending: Ending) => void) | null): void {
    this.#listener = listener;
    if (this.ending) listener?.(this.ending);
  }
}
