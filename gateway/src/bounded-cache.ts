import type { Clock } from '@weir/kernel/clock';

export interface BoundedCache<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  delete(key: string): void;
  deleteWhere(matches: (value: Value) => boolean): void;
  size(): number;
}

export interface BoundedCacheOptions {
  /** Beyond it the entry unused for longest is dropped. */
  readonly capacity: number;
  /** Milliseconds after `set`; without it entries live until they are dropped. */
  readonly ttlMs?: number;
  readonly clock: Clock;
}

/** Least recently used, on the insertion order of a Map. */
export function createBoundedCache<Value>({
  capacity,
  ttlMs,
  clock,
}: BoundedCacheOptions): BoundedCache<Value> {
  const entries = new Map<string, { readonly value: Value; readonly untilMs: number }>();
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      if (entry.untilMs <= clock.now()) return undefined;
      entries.set(key, entry);
      return entry.value;
    },
    set(key, value) {
      entries.delete(key);
      entries.set(key, {
        value,
        untilMs: ttlMs === undefined ? Number.POSITIVE_INFINITY : clock.now() + ttlMs,
      });
      const oldest = entries.keys().next();
      if (entries.size > capacity && oldest.done !== true) entries.delete(oldest.value);
    },
    delete: (key) => void entries.delete(key),
    deleteWhere(matches) {
      for (const [key, { value }] of entries) if (matches(value)) entries.delete(key);
    },
    size: () => entries.size,
  };
}
