import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { StartupError } from './startup-error.ts';

/**
 * Where free ports are looked for: systems give outgoing connections theirs from 32,768 on, and one of these could take a
 * port in the moment between its choice and its use, or while a service that died is started again.
 */
const FREE_PORTS = { first: 20_000, count: 12_000 } as const;
const TRIES = 50;

/** Given to some service of this launcher, which may not listen on it yet. */
const claimed = new Set<number>();

/**
 * Proves that a port can be had before anything is started on it, so that a taken one costs one sentence. No free port
 * is given twice.
 * @param setting The variable that changes it. @returns The port; a free one when 0 was asked for.
 */
export async function claimPort(host: string, port: number, setting: string): Promise<number> {
  if (port === 0) return freePort(host);
  try {
    await listenOnce(host, port);
    claimed.add(port);
    return port;
  } catch (cause) {
    const code = codeOf(cause);
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
  }
}

async function freePort(host: string): Promise<number> {
  for (let attempt = 1; attempt < TRIES; attempt++) {
    const port = FREE_PORTS.first + randomInt(FREE_PORTS.count);
    if (claimed.has(port)) continue;
    claimed.add(port);
    try {
      return await listenOnce(host, port);
    } catch (cause) {
      if (codeOf(cause) !== 'EADDRINUSE') throw cause;
    }
  }
  // Whatever the system has left.
  return listenOnce(host, 0);
}

async function listenOnce(host: string, port: number): Promise<number> {
  const server = createServer();
  try {
    return await new Promise<number>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, exclusive: true }, () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
}
