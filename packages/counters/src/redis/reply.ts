/**
 * Readers of replies; each proves what it gives. A reply of another shape means that client and function do not
 * belong together, which no caller can handle.
 */
export function replyList(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply;
  throw new TypeError('a function of the counter store answered with something that is no list');
}

export function intAt(reply: readonly unknown[], index: number): number {
  const value = reply[index];
  if (typeof value === 'number') return value;
  throw new TypeError(`a function of the counter store answered without an integer at ${index}`);
}

export function textAt(reply: readonly unknown[], index: number): string {
  const value = reply[index];
  if (typeof value === 'string') return value;
  throw new TypeError(`a function of the counter store answered without a text at ${index}`);
}
