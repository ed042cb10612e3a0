import type { IncomingMessage } from 'node:http';

/** The bytes of a request, taken one chunk after the other, so that nothing is read that nobody waits for. */
export interface RequestSource {
  /** Null at the end. @throws Error when the client breaks off. */
  next(): Promise<Buffer | null>;
  /** Passes over the rest, so that the client can read its answer; beyond the limit the connection is closed. */
  discard(bytesMax: number): void;
}

export function createRequestSource(req: IncomingMessage): RequestSource {
  return {
    async next() {
      for (;;) {
        const chunk: unknown = req.read();
        if (Buffer.isBuffer(chunk)) return chunk;
        if (req.readableEnded) return null;
        if (req.destroyed) throw req.errored ?? new Error('the client broke off');
        await change(req);
      }
    },
    discard(bytesMax) {
      if (req.readableEnded || req.destroyed) return;
      let bytes = 0;
      req.on('error', () => undefined);
      req.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > bytesMax) req.destroy();
      });
      req.resume();
    },
  };
}

/** There is something to read, or there never will be. */
function change(req: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    const events = ['readable', 'end', 'error', 'close'] as const;
    const done = (): void => {
      for (const event of events) req.off(event, done);
      resolve();
    };
    for (const event of events) req.on(event, done);
  });
}
