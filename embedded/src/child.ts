import { fork, type ChildProcess } from 'node:child_process';
import { z } from 'zod';
import type { Logger } from '@weir/service/logger';

/** What a process says over its channel to the launcher once it serves. */
const readySchema = z.object({ type: z.literal('ready') });

export interface ChildOptions {
  readonly name: string;
  readonly entry: string;
  /** Options of Node itself. */
  readonly nodeOptions?: readonly string[];
  /** The whole environment of the child, with fixed ports, so that it comes back where it was. */
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Logger;
  readonly startTimeoutMs: number;
  readonly stopTimeoutMs: number;
}

export interface SupervisedChild {
  stop(): Promise<void>;
}

const RESTART_DELAY_MS = { first: 100, most: 5_000 } as const;

/**
 * Runs one process and starts it again when it dies, with a growing pause while it keeps dying.
 * It gets a process group of its own, so that Ctrl-C reaches only the launcher, which then stops things in order.
 * @throws Error when it does not become ready in time the first time.
 */
export async function superviseChild(options: ChildOptions): Promise<SupervisedChild> {
  let stopping = false;
  let child: ChildProcess | undefined;
  let delayMs: number = RESTART_DELAY_MS.first;
  let restart: NodeJS.Timeout | undefined;

  async function launch(): Promise<void> {
    const started = fork(options.entry, [], {
      env: options.environment,
      execArgv: [...process.execArgv, ...(options.nodeOptions ?? [])],
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    child = started;
    started.once('exit', (code, signal) => {
      if (stopping) return;
      options.log.warn({ process: options.name, code, signal }, 'process died; starting it again');
      restart = setTimeout(relaunch, delayMs);
      delayMs = Math.min(delayMs * 2, RESTART_DELAY_MS.most);
    });
    await ready(started, options);
    delayMs = RESTART_DELAY_MS.first;
  }

  function relaunch(): void {
    launch().catch((cause: unknown) => {
      options.log.error({ process: options.name, err: cause }, 'process did not come back; trying again');
      child?.kill('SIGKILL');
    });
  }

  try {
    await launch();
  } catch (cause) {
    stopping = true;
    clearTimeout(restart);
    child?.kill('SIGKILL');
    throw cause;
  }
  return {
    async stop() {
      stopping = true;
      clearTimeout(restart);
      if (child && child.exitCode === null && child.signalCode === null) await stopChild(child, options);
    },
  };
}

function ready(child: ChildProcess, options: ChildOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      finish(() => reject(new Error(`${options.name} was not ready within ${options.startTimeoutMs} ms`)));
    }, options.startTimeoutMs);
    const onMessage = (message: unknown) => {
      if (readySchema.safeParse(message).success) finish(resolve);
    };
    const onExit = (code: number | null, signal: NodeJS.Signals | null) => {
      finish(() =>
        reject(new Error(`${options.name} ended while starting (${signal ?? `exit code ${code}`})`)),
      );
    };
    function finish(settle: () => void): void {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
      settle();
    }
    child.on('message', onMessage);
    child.once('exit', onExit);
  });
}

async function stopChild(child: ChildProcess, options: ChildOptions): Promise<void> {
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => {
    options.log.warn({ process: options.name }, 'process did not stop in time and is killed');
    child.kill('SIGKILL');
  }, options.stopTimeoutMs);
  await exited;
  clearTimeout(timer);
}
