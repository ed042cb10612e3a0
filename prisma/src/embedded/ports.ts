import { createServer } from 'node:net';
import { EmbeddedPostgresError, systemCode } from './error.ts';

const HOST = '127.0.0.1';

function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host: HOST, exclusive: true }, () => {
      const address = server.address();
      const chosen = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => {
        resolve(chosen);
      });
    });
  });
}

/**
 * A port that was free a moment ago: the one asked for, or any for 0.
 * @throws EmbeddedPostgresError when it is taken or not permitted.
 */
export async function freePort(port: number): Promise<number> {
  try {
    return await listenOnce(port);
  } catch (thrown) {
    const code = systemCode(thrown);
    const reason =
      code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be used (${code ?? 'unknown error'})`;
    throw new EmbeddedPostgresError(
      `Port ${String(port)}, wanted for the embedded PostgreSQL, ${reason}: choose another one, or 0 for any free one.`,
      { cause: thrown },
    );
  }
}
