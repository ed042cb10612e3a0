import type { Clock } from '@weir/kernel/clock';
import { KEPT_MS, type RequestNames } from './contract.ts';

export interface LocalRequestNamesOptions {
  readonly clock: Clock;
  /** Beyond it the oldest is forgotten, and a repetition of it is served once more. */
  readonly namesMax?: number;
}

interface Entry {
  readonly requestId: string;
  /** Null while it runs. */
  expiresAtMs: number | null;
}

const NAMES_MAX = 50_000;

/** The names of a single proxy, in its own memory. */
export function createLocalRequestNames(options: LocalRequestNamesOptions): RequestNames {
  const { clock, namesMax = NAMES_MAX } = options;
  const entries = new Map<string, Entry>();

  return {
    take({ apiKeyId, name, requestId }) {
      const key = `${apiKeyId} ${name}`;
      const known = entries.get(key);
      if (known && (known.expiresAtMs === null || clock.now() < known.expiresAtMs)) {
        const kind = known.expiresAtMs === null ? 'running' : 'ended';
        return Promise.resolve({ kind, requestId: known.requestId });
      }
      const entry: Entry = { requestId, expiresAtMs: null };
      // The newest stand last, so that the first is the oldest.
      entries.delete(key);
      entries.set(key, entry);
      if (entries.size > namesMax) forgetOldest(entries);
      const held = {
        keep: () => void (entry.expiresAtMs = clock.now() + KEPT_MS),
        free: () => void (entries.get(key) === entry && entries.delete(key)),
      };
      return Promise.resolve({ kind: 'taken', held });
    },
    close: () => Promise.resolve(),
  };
}

function forgetOldest(entries: Map<string, Entry>): void {
  const oldest = entries.keys().next();
  if (oldest.done !== true) entries.delete(oldest.value);
}
