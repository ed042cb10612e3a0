import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { handleProtocols, makeServer, type ServerOptions } from 'graphql-ws';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Logger } from '@weir/service/logger';

/** What a hook of the protocol can see of the connection besides its own state. */
export interface SocketExtra {
  readonly request: IncomingMessage;
  close(code: number, reason: string): void;
}

export type SocketProtocol = ServerOptions<Record<string, unknown>, SocketExtra>;

export interface SocketServerOptions {
  readonly httpServer: HttpServer;
  readonly path: string;
  readonly protocol: SocketProtocol;
  readonly log: Logger;
  /** Upgrades beyond this many open sockets are answered with 503. */
  readonly maxSockets: number;
  /** Longer messages close the socket with 1009. */
  readonly maxMessageBytes: number;
  /** A socket that does not answer a ping within this time is gone. */
  readonly keepAliveMs: number;
  /** Completes every running subscription; resolves when none is left. Called first when the server stops. */
  completeSubscriptions(): Promise<void>;
}

export interface SocketServer {
  openSockets(): number;
  /** Refuses upgrades, completes the subscriptions, closes sockets with 1001; what is open at the abort is cut. */
  stop(signal: AbortSignal): Promise<void>;
}

const GOING_AWAY = 1001;
const INTERNAL_ERROR = 4500;

function refuseUpgrade(socket: Duplex, statusLine: string): void {
  socket.end(`HTTP/1.1 ${statusLine}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** Pings at an interval and cuts the socket when the answer to one is still missing at the next. */
function keepAlive(socket: WebSocket, intervalMs: number): () => void {
  let alive = true;
  socket.on('pong', () => {
    alive = true;
  });
  const timer = setInterval(() => {
    if (!alive) return socket.terminate();
    alive = false;
    socket.ping();
  }, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** The transport below graphql-ws: one WebSocket, back-pressure by awaiting what the kernel has taken. */
function serveSocket(
  server: ReturnType<typeof makeServer<Record<string, unknown>, SocketExtra>>,
  socket: WebSocket,
  request: IncomingMessage,
  options: SocketServerOptions,
): void {
  const { log } = options;
  const failed = (error: unknown): void => {
    log.warn({ err: error }, 'socket message failed');
    socket.close(INTERNAL_ERROR, 'Internal server error');
  };
  const stopPinging = keepAlive(socket, options.keepAliveMs);
  socket.on('error', (error) => log.debug({ err: error }, 'socket failed'));
  const closed = server.opened(
    {
      protocol: socket.protocol,
      send: (data) =>
        new Promise<void>((resolve) => {
          if (socket.readyState !== socket.OPEN) return resolve();
          // A failed write ends in the close event, which is where subscriptions are released.
          socket.send(data, () => resolve());
        }),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (receive) => {
        // Frames of the protocol are text; `ws` hands them over as one Buffer under its default settings.
        socket.on('message', (data: Buffer) => void receive(data.toString('utf8')).catch(failed));
      },
    },
    { request, close: (code, reason) => socket.close(code, reason) },
  );
  socket.once('close', (code, reason) => {
    stopPinging();
    closed(code, reason.toString('utf8')).catch((error: unknown) =>
      log.warn({ err: error }, 'socket not released'),
    );
  });
}

async function closeAll(sockets: ReadonlySet<WebSocket>, signal: AbortSignal): Promise<void> {
  const closing = [...sockets].map(
    (socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())),
  );
  for (const socket of sockets) socket.close(GOING_AWAY, 'Going away');
  const cut = (): void => sockets.forEach((socket) => socket.terminate());
  if (signal.aborted) cut();
  signal.addEventListener('abort', cut, { once: true });
  await Promise.all(closing);
  signal.removeEventListener('abort', cut);
}

function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return Promise.race([
    work,
    new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    }),
  ]);
}

/** Serves graphql-ws beside HTTP on the same server and path. */
export function attachSocketServer(options: SocketServerOptions): SocketServer {
  const { httpServer, path, maxSockets, maxMessageBytes } = options;
  const webSockets = new WebSocketServer({ noServer: true, maxPayload: maxMessageBytes, handleProtocols });
  const server = makeServer<Record<string, unknown>, SocketExtra>(options.protocol);
  let isStopping = false;

  httpServer.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    if ((request.url ?? '/').split('?', 1)[0] !== path) return refuseUpgrade(socket, '404 Not Found');
    if (isStopping || webSockets.clients.size >= maxSockets) {
      return refuseUpgrade(socket, '503 Service Unavailable');
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket) =>
      serveSocket(server, webSocket, request, options),
    );
  });

  return {
    openSockets: () => webSockets.clients.size,
    async stop(signal) {
      isStopping = true;
      await orAborted(options.completeSubscriptions(), signal);
      await closeAll(webSockets.clients, signal);
      webSockets.close();
    },
  };
}
