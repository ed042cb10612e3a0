import { createServer, type Socket } from 'node:net';

/** A provider that speaks bytes: what it was sent is kept as it came, and what it answers need not be HTTP. */
export interface RawUpstream {
  readonly url: string;
  /** Everything that ever arrived. */
  received(): Buffer;
  /** How many requests arrived. */
  readonly requests: number;
  respond(responder: RawResponder): void;
  stop(): Promise<void>;
}

/** Called once per request, when all of it is there. */
export type RawResponder = (socket: Socket, request: Buffer) => void | Promise<void>;

export async function startRawUpstream(): Promise<RawUpstream> {
  const parts: Buffer[] = [];
  const sockets = new Set<Socket>();
  let requests = 0;
  let responder: RawResponder = () => undefined;
  const server = createServer({ noDelay: true }, (socket) => {
    let pending = Buffer.alloc(0);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.on('data', (part) => {
      parts.push(part);
      pending = Buffer.concat([pending, part]);
      for (let end = endOfRequest(pending); end !== undefined; end = endOfRequest(pending)) {
        const request = pending.subarray(0, end);
        pending = pending.subarray(end);
        requests++;
        void responder(socket, request);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    received: () => Buffer.concat(parts),
    get requests() {
      return requests;
    },
    respond(next) {
      responder = next;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** The proxy always says how long its body is. */
function endOfRequest(bytes: Buffer): number | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const length = /\r\ncontent-length: (\d+)/i.exec(bytes.toString('latin1', 0, headEnd))?.[1] ?? '0';
  const end = headEnd + 4 + Number(length);
  return end <= bytes.length ? end : undefined;
}

/** A well-formed answer of JSON. */
export function rawAnswer(body: string): Buffer {
  return Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
