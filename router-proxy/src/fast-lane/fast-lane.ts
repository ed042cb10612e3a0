import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Reached, ServeRequest } from '../http/serve-request.ts';
import { LaneConnection, type Lane } from './lane-connection.ts';
import type { PlainHead } from './request-head.ts';

export interface FastLaneOptions {
  readonly serveRequest: ServeRequest;
  /** How long an idle connection is kept. */
  readonly keepAliveMs: number;
  /** A request has to arrive within this time. */
  readonly receiveTimeoutMs: number;
  /** For so long a client may leave the rest of an answer unread without taking a byte of it. */
  readonly unreadTimeoutMs: number;
  /** Whom a plain request reaches; undefined for one that Node is to read. */
  reached(head: PlainHead): Reached | undefined;
}

/** The connections of an HTTP server as long as their requests are plain. */
export interface FastLane {
  /** From now on connections end with their answers; idle ones end now. */
  close(): void;
  /** Ends every connection, whatever it is doing. */
  closeAll(): void;
}

/** Time-outs are long and need not be exact, so one slow clock serves all connections instead of timers each. */
const SWEEP_MS = 2_000;

/**
 * Takes the connections of an HTTP server before Node reads them. Nearly all requests to a gateway are plain: their framing
 * has one reading, and serving them from the socket costs a fraction of what Node's general server does. All others, at any
 * point of a connection, are Node's.
 */
export function openFastLane(server: Server, options: FastLaneOptions): FastLane {
  const node = server.listeners('connection');
  server.removeAllListeners('connection');
  const connections = new Set<LaneConnection>();
  const lane: Lane & { tick: number; isClosing: boolean } = {
    serveRequest: options.serveRequest,
    keepAliveSeconds: Math.floor(options.keepAliveMs / 1_000),
    unreadTimeoutMs: options.unreadTimeoutMs,
    isClosing: false,
    tick: 0,
    reached: options.reached,
    toNode(connection: LaneConnection, socket: Socket, read: Buffer) {
      connections.delete(connection);
      // They come out again in front of what arrives next.
      socket.unshift(read);
      for (const listener of node) listener.call(server, socket);
    },
    closed(connection: LaneConnection) {
      connections.delete(connection);
    },
  };
  const idleTicks = Math.ceil(options.keepAliveMs / SWEEP_MS);
  const receivingTicks = Math.ceil(options.receiveTimeoutMs / SWEEP_MS);
  const sweep = setInterval(() => {
    lane.tick++;
    for (const connection of connections) connection.endIfOverdue(idleTicks, receivingTicks);
  }, SWEEP_MS).unref();
  server.on('connection', (socket) => {
    connections.add(new LaneConnection(socket, lane));
  });
  return {
    close() {
      lane.isClosing = true;
      clearInterval(sweep);
      for (const connection of connections) connection.endIfIdle();
    },
    closeAll() {
      for (const connection of connections) connection.destroy();
    },
  };
}
