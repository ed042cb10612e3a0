import type { HttpServer } from './server.ts';

export interface ListeningServer {
  readonly port: number;
  /** Stops accepting, ends idle connections, and after a moment whatever is left. */
  stop(): Promise<void>;
}

/** Clients that hold a connection without having sent a whole request do not hold up the stop. */
const STRAGGLERS_MS = 500;

/** @throws Error EADDRINUSE when the port is taken. */
export async function listen(
  { fastify, lane }: HttpServer,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<ListeningServer> {
  await fastify.listen({ host, port });
  const address = fastify.server.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    async stop() {
      const timer = setTimeout(() => {
        lane.closeAll();
        fastify.server.closeAllConnections();
      }, STRAGGLERS_MS);
      await fastify.close();
      clearTimeout(timer);
    },
  };
}
