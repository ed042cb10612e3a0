import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';

export interface IdempotencyKeys {
  /**
   * Takes a name for one request of one API key.
   * @throws AppError REQUEST_IN_PROGRESS, DUPLICATE_REQUEST; both name the first request.
   */
  begin(apiKeyId: string, name: string, requestId: string): IdempotentRequest;
}

export interface IdempotentRequest {
  /** @param answered Whether anything was delivered or billed. A request that came to nothing frees its name. */
  end(answered: boolean): void;
}

interface Entry {
  readonly requestId: string;
  /** Null while it runs. */
  expiresAtMs: number | null;
}

const KEPT_MS = 300_000;
/** Names kept at once; beyond it the oldest is forgotten, and a repetition of it is served once more. */
const ENTRIES_MAX = 50_000;
const NAME_LENGTH_MAX = 255;

/** Recognises repetitions for five minutes, in this process. */
export function createIdempotencyKeys(clock: Clock): IdempotencyKeys {
  const entries = new Map<string, Entry>();

  return {
    begin(apiKeyId, name, requestId) {
      if (name.length > NAME_LENGTH_MAX) {
        throw new AppError(
          'INVALID_REQUEST',
          `An idempotency key has at most ${NAME_LENGTH_MAX} characters.`,
        );
      }
      const key = `${apiKeyId} ${name}`;
      const known = entries.get(key);
      if (known && (known.expiresAtMs === null || clock.now() < known.expiresAtMs)) throw repeated(known);
      const entry: Entry = { requestId, expiresAtMs: null };
      entries.delete(key);
      entries.set(key, entry);
      if (entries.size > ENTRIES_MAX) forgetOldest(entries);
      return {
        end(answered) {
          if (answered) entry.expiresAtMs = clock.now() + KEPT_MS;
          else if (entries.get(key) === entry) entries.delete(key);
        },
      };
    },
  };
}

function forgetOldest(entries: Map<string, Entry>): void {
  const { value: oldest, done } = entries.keys().next();
  if (done !== true) entries.delete(oldest);
}

function repeated({ requestId, expiresAtMs }: Entry): AppError {
  const details = { firstRequestId: requestId };
  return expiresAtMs === null
    ? new AppError('REQUEST_IN_PROGRESS', `The same request is still running as ${requestId}.`, { details })
    : new AppError(
        'DUPLICATE_REQUEST',
        `The same request was already answered as ${requestId}; it is not run and not billed a second time.`,
        { details },
      );
}
