import type { FastifyInstance } from 'fastify';

export interface ListeningServer {
  readonly port: number;
  /** Stops accepting, ends idle connections, and after a moment whatever is left. */
  stop(): Promise<void>;
}

/** Clients that hold a connection without having sent a whole request do not hold up the stop. */
const STRAGGLERS_MS = 500;

/** @throws Error EADDRINUSE when the port is taken. */
export async function listen(
  server: FastifyInstance,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<ListeningServer> {
  await server.listen({ host, port });
  const address = server.server.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    async stop() {
      const timer = setTimeout(() => {
        server.server.closeAllConnections();
      }, STRAGGLERS_MS);
      await server.close();
      clearTimeout(timer);
    },
  };
}
