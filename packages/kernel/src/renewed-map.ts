/** Rarely enough that copying what is left costs nothing that shows. */
const ADDED_MAX = 1_000;

/**
 * A Map for what comes and goes all the time, in the order of its coming. V8 replaces a Map's table as soon as it has seen
 * as many entries as it has room for, and the table that was replaced keeps what was in it and leads to the next one. Once
 * the garbage collector has moved one of them among the old objects, all that follow live on until those are collected,
 * and with them nearly every entry there ever was. So now and then a new Map takes over, to which no table leads.
 */
export class RenewedMap<K, V> implements Iterable<[K, V]> {
  #entries = new Map<K, V>();
  #added = 0;

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /** Not while it is being walked through. */
  set(key: K, value: V): void {
    if (++this.#added > Math.max(ADDED_MAX, this.#entries.size * 2)) {
      this.#entries = new Map(this.#entries);
      this.#added = 0;
    }
    this.#entries.set(key, value);
  }

  delete(key: K): boolean {
    return this.#entries.delete(key);
  }

  values(): Iterable<V> {
    return this.#entries.values();
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.#entries[Symbol.iterator]();
  }
}
