/** How one answer reaches its client: Node's own `ServerResponse`, or an answer that is written to a socket directly. */
export interface AnswerChannel {
  readonly writableEnded: boolean;
  readonly writableNeedDrain: boolean;
  /** Adds a header to the head that will be written. Names are in lower case. */
  setHeader(name: string, value: string): unknown;
  /** @param headers A flat list of names, in lower case, and values. */
  writeHead(status: number, headers: string[]): unknown;
  /** Sends the head without waiting for the first bytes of the body. */
  flushHeaders(): void;
  /** @returns False when the client is slower than what is written: wait for `drain`. */
  write(bytes: Uint8Array): boolean;
  end(): unknown;
  end(bytes: Uint8Array | string): unknown;
  end(text: string, encoding: 'latin1'): unknown;
  once(event: 'drain', resume: () => void): unknown;
  /** Breaks the connection. */
  destroy(): unknown;
}
