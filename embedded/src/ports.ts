import { createServer } from 'node:net';
import { StartupError } from './startup-error.ts';

/**
 * Proves that a port can be had before anything is started on it, so that a taken one costs one sentence.
 * @param setting The variable that changes it. @returns The port; a free one when 0 was asked for.
 */
export async function claimPort(host: string, port: number, setting: string): Promise<number> {
  const server = createServer();
  try {
    return await new Promise<number>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, exclusive: true }, () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'EADDRINUSE') {
      throw new StartupError(
        `Port ${port} is taken by another program. Stop it, or set ${setting} to another port (0 takes any free one).`,
      );
    }
    if (code === 'EACCES') {
      throw new StartupError(
        `Port ${port} may not be used by this user. Set ${setting} to a port above 1023 (0 takes any free one).`,
      );
    }
    throw cause;
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
