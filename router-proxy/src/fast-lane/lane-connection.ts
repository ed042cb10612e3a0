import type { Socket } from 'node:net';
import { answerBrokenRequest } from '../http/broken-request.ts';
import type { Exchange } from '../http/exchange.ts';
import { NO_BODY } from '../http/request-body.ts';
import type { Reached, ServeRequest } from '../http/serve-request.ts';
import { readPlainHead, type PlainHead } from './request-head.ts';
import { SocketAnswer, type AnsweredConnection } from './socket-answer.ts';

/** What a connection needs of the lane that it is in. */
export interface Lane {
  readonly serveRequest: ServeRequest;
  readonly keepAliveSeconds: number;
  /** For so long a client may leave the rest of an answer unread without taking a byte of it. */
  readonly unreadTimeoutMs: number;
  /** No connection is kept behind its answer any more. */
  readonly isClosing: boolean;
  /** Goes forward with each sweep. */
  readonly tick: number;
  /** Whom a request reaches; undefined where Node is to read it. */
  reached(head: PlainHead): Reached | undefined;
  /** Gives a connection away for good, with what was read from it. */
  toNode(connection: LaneConnection, socket: Socket, read: Buffer): void;
  closed(connection: LaneConnection): void;
}

/** What a client may send ahead of its answers. The rest stays with the system until there is room. */
const AHEAD_BYTES_MAX = 65_536;

/**
 * One client's connection. It serves one plain request after the other; with the first one that is not plain the
 * connection, and every byte from there on, goes to Node's HTTP server.
 *
 * Phases: `idle` between requests; `receiving` while a body is on its way; `answering`, in which what the client sends
 * ahead waits; at last `over`.
 */
export class LaneConnection implements AnsweredConnection {
  readonly #socket: Socket;
  readonly #lane: Lane;
  #phase: 'idle' | 'receiving' | 'answering' | 'over' = 'idle';
  #sinceTick: number;
  #head: PlainHead | null = null;
  #reached: Reached | null = null;
  #parts: Buffer[] = [];
  #missingBytes = 0;
  #exchange: Exchange | null = null;
  #ahead: Buffer | null = null;

  constructor(socket: Socket, lane: Lane) {
    this.#socket = socket;
    this.#lane = lane;
    this.#sinceTick = lane.tick;
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onClose);
    socket.on('timeout', this.#onTimeout);
    socket.on('error', IGNORE);
  }

  /** Ends it where it has waited for more than so many sweeps: for the next request, or for the rest of one. */
  endIfOverdue(idleTicks: number, receivingTicks: number): void {
    const waited = this.#lane.tick - this.#sinceTick;
    const isIdle = this.#phase === 'idle' && this.#socket.writableLength === 0;
    if (isIdle && waited > idleTicks) this.#socket.destroy();
    if (this.#phase === 'receiving' && waited > receivingTicks)
      answerBrokenRequest({ code: 'ERR_HTTP_REQUEST_TIMEOUT' }, this.#socket);
  }

  endIfIdle(): void {
    if (this.#phase === 'idle') this.#socket.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  readonly #onData = (bytes: Buffer): void => {
    switch (this.#phase) {
      case 'idle':
        this.#begin(bytes);
        return;
      case 'receiving':
        this.#receive(bytes);
        return;
      case 'answering':
        this.#keepAhead(bytes);
        return;
      case 'over':
    }
  };

  /**
   * A client that ends its side waits for nothing any more, as Node takes it, too; except that one who said that its body
   * is longer than it is has to be told.
   */
  readonly #onEnd = (): void => {
    if (this.#phase === 'receiving') answerBrokenRequest({}, this.#socket);
    else this.#socket.end();
  };

  /** Nothing has moved since an answer ended that the system had not taken as a whole. */
  readonly #onTimeout = (): void => {
    if (this.#socket.writableLength > 0) this.#socket.destroy();
    else this.#socket.setTimeout(0);
  };

  readonly #onClose = (): void => {
    if (this.#phase === 'answering') this.#exchange?.lifetime.end({ kind: 'client gone' });
    this.#phase = 'over';
    this.#lane.closed(this);
  };

  #begin(bytes: Buffer): void {
    const head = readPlainHead(bytes);
    const reached = head ? this.#lane.reached(head) : undefined;
    if (!head || !reached) {
      this.#giveToNode(bytes);
      return;
    }
    this.#head = head;
    this.#reached = reached;
    this.#missingBytes = head.bodyBytes;
    this.#sinceTick = this.#lane.tick;
    this.#phase = 'receiving';
    this.#receive(bytes.subarray(head.bodyStart));
  }

  #receive(bytes: Buffer): void {
    const part = bytes.length > this.#missingBytes ? bytes.subarray(0, this.#missingBytes) : bytes;
    this.#missingBytes -= part.length;
    if (this.#missingBytes > 0) {
      this.#parts.push(part);
      return;
    }
    if (part.length < bytes.length) this.#keepAhead(bytes.subarray(part.length));
    // Whoever was just told that this is no request is not served.
    if (this.#socket.destroyed) return;
    let body = part;
    if (this.#parts.length > 0) {
      body = Buffer.concat([...this.#parts, part]);
      this.#parts = [];
    }
    this.#serve(body.length > 0 ? body : NO_BODY);
  }

  /** The socket is read on for as long as possible, because that is how a client is seen to leave. */
  #keepAhead(bytes: Buffer): void {
    if (!this.#ahead && !beginsRequest(bytes)) {
      answerBrokenRequest({}, this.#socket);
      return;
    }
    this.#ahead = this.#ahead ? Buffer.concat([this.#ahead, bytes]) : bytes;
    if (this.#ahead.length > AHEAD_BYTES_MAX) this.#socket.pause();
  }

  #serve(body: Buffer): void {
    const head = this.#head;
    const reached = this.#reached;
    if (!head || !reached) return;
    this.#phase = 'answering';
    const req = { method: 'POST', url: head.url, headers: head.headers, socket: this.#socket };
    const res = new SocketAnswer(this.#socket, this);
    this.#exchange = this.#lane.serveRequest(reached, { req, res, body, form: null });
  }

  get keepsAlive(): boolean {
    return !this.#lane.isClosing;
  }

  get keepAliveSeconds(): number {
    return this.#lane.keepAliveSeconds;
  }

  answered(keepAlive: boolean): void {
    if (this.#phase !== 'answering') return;
    this.#exchange = null;
    // The client may never take the rest.
    if (this.#socket.writableLength > 0) this.#socket.setTimeout(this.#lane.unreadTimeoutMs);
    if (!keepAlive) {
      this.#phase = 'over';
      this.#socket.destroySoon();
      return;
    }
    this.#phase = 'idle';
    this.#sinceTick = this.#lane.tick;
    if (this.#ahead) process.nextTick(this.#takeAhead);
  }

  /** Not within the answer before, or a client that sends many requests ahead would be served ever deeper in the stack. */
  readonly #takeAhead = (): void => {
    const ahead = this.#ahead;
    if (!ahead || this.#phase !== 'idle') return;
    this.#ahead = null;
    this.#socket.resume();
    this.#begin(ahead);
  };

  #giveToNode(read: Buffer): void {
    const socket = this.#socket;
    this.#phase = 'over';
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.off('close', this.#onClose);
    socket.off('timeout', this.#onTimeout);
    socket.setTimeout(0);
    socket.off('error', IGNORE);
    this.#lane.toNode(this, socket, read);
  }
}

/** Whether these bytes may be a request: a method in capitals, or the line end that some clients send behind a body. */
function beginsRequest([first = 0]: Buffer): boolean {
  return (first >= 0x41 && first <= 0x5a) || first === 0x0d || first === 0x0a;
}

const IGNORE = (): void => undefined;
