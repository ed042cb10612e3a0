import { fork, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;

/** A service in a process of its own, as its supervisor would run it. */
export interface ServiceProcess {
  /** Like a power cut. */
  kill(): Promise<void>;
  /** After a kill, as a supervisor does; resolves when it serves again. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Forks a service and waits until it serves.
 * @param entry Below the root of the repository. @param logPath Takes what it writes.
 */
export async function startService(
  entry: string,
  environment: Readonly<Record<string, string>>,
  logPath: string,
): Promise<ServiceProcess> {
  const run = async () => {
    const log = openSync(logPath, 'a');
    const child = fork(join(root, entry), [], {
      env: { ...environment },
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    await readiness(child, `${entry} (see ${logPath})`);
    return { child, gone };
  };
  let running = await run();
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const { child, gone } = running;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await gone;
    clearTimeout(timer);
  };
  return {
    kill: () => end('SIGKILL'),
    async restart() {
      running = await run();
    },
    stop: () => end('SIGTERM'),
  };
}

/** A service says over its channel that it is ready. */
function readiness(child: ChildProcess, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${what} did not start within ${START_TIMEOUT_MS} ms`));
    }, START_TIMEOUT_MS);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`${what} ended with ${code}`));
    });
    child.once('message', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
