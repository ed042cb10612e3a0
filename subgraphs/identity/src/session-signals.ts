import type { FastifyInstance } from 'fastify';
import type { ServerResponse } from 'node:http';
import type { Signal } from '@weir/contracts/signals';
import { internalOnly } from '@weir/graphql/internal-only';
import { SESSION_SIGNALS_BEAT_MS, SESSION_SIGNALS_PATH } from '@weir/contracts/internal-identity';

/** Tells gateways which sessions are over or have other rights, as soon as the database says so. */
export interface SessionSignals {
  /** `GET /internal/session-signals`: one JSON object per line, and an empty line every so often as a sign of life. */
  addRoute(app: FastifyInstance, internalSecret: string): void;
  onSession(signal: Signal<'session'>): void;
  onConnected(): void;
  /** Signals may be missed from now on: every stream ends, so that its reader trusts nothing until it has another. */
  onDisconnected(): void;
  stop(): void;
}

/** Gateways; each has one stream. */
const STREAMS_MAX = 1_000;
/** A reader that is further behind loses its stream, and asks anew about everybody when it has another. */
const BEHIND_BYTES_MAX = 256 * 1024;

export function createSessionSignals(): SessionSignals {
  const streams = new Set<ServerResponse>();
  let isHearing = false;

  const write = (line: string): void => {
    for (const stream of streams) {
      if (stream.writableLength > BEHIND_BYTES_MAX) stream.destroy();
      else stream.write(line);
    }
  };
  const endAll = (): void => {
    isHearing = false;
    for (const stream of streams) stream.end();
  };
  const beat = setInterval(() => write('\n'), SESSION_SIGNALS_BEAT_MS);
  beat.unref();

  return {
    addRoute(app, internalSecret) {
      app.get(SESSION_SIGNALS_PATH, { onRequest: internalOnly(internalSecret) }, async (_request, reply) => {
        if (!isHearing || streams.size >= STREAMS_MAX) return reply.code(503).send();
        reply.hijack();
        const stream = reply.raw;
        streams.add(stream);
        stream.once('close', () => streams.delete(stream));
        stream.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
        stream.write('\n');
      });
    },
    onSession: (signal) => write(`${JSON.stringify(signal)}\n`),
    onConnected() {
      isHearing = true;
    },
    onDisconnected: endAll,
    stop() {
      clearInterval(beat);
      endAll();
    },
  };
}
