/** What a roster can hold: it remembers its place there. In one roster at a time. */
export interface Enrolled {
  /** The roster's own note. */
  place: number;
}

/**
 * Objects that come and go all the time. A Set would do the same and cost far more: V8 replaces a Set's table as soon as
 * it has seen as many objects as it has room for, and the table that was replaced keeps what was in it and leads to the
 * next one. Once the garbage collector has moved one of them among the old objects, all that follow live on until those
 * are collected, and with them nearly every object that was ever in the Set.
 */
export class Roster<T extends Enrolled> implements Iterable<T> {
  readonly #members: T[] = [];

  get size(): number {
    return this.#members.length;
  }

  has(member: T): boolean {
    return this.#members[member.place] === member;
  }

  add(member: T): void {
    if (this.has(member)) return;
    member.place = this.#members.length;
    this.#members.push(member);
  }

  /** The last one moves to the place that becomes free, so the order is none to rely on. */
  delete(member: T): void {
    if (!this.has(member)) return;
    const last = this.#members.pop();
    if (last === undefined || last === member) return;
    this.#members[member.place] = last;
    last.place = member.place;
  }

  /** Of those that are there now; what comes or goes meanwhile changes nothing. */
  [Symbol.iterator](): Iterator<T> {
    return this.#members.slice().values();
  }
}
