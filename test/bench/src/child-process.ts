import { fork, spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

const START_TIMEOUT_MS = 60_000;

/** Forks a script of ours and waits until it says that it is ready. */
export async function forkReady(
  script: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<ChildProcess> {
  const child = fork(script, [...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await waitFor(child, (settle) => child.once('message', settle));
  return child;
}

/** Starts a command and waits until it prints the text. */
export async function spawnUntil(
  command: string,
  args: readonly string[],
  text: string,
  environment: NodeJS.ProcessEnv,
): Promise<ChildProcess> {
  const child = spawn(command, args, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  await waitFor(child, (settle) => {
    child.stdout.on('data', (chunk: Buffer) => {
      printed = (printed + chunk.toString()).slice(-10_000);
      if (printed.includes(text)) settle();
    });
  });
  return child;
}

function waitFor(child: ChildProcess, subscribe: (settle: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${child.spawnargs.join(' ')} did not start`)),
      START_TIMEOUT_MS,
    );
    const onExit = (code: number | null) =>
      reject(new Error(`${child.spawnargs.join(' ')} ended with ${code}`));
    child.once('exit', onExit);
    subscribe(() => {
      clearTimeout(timer);
      child.off('exit', onExit);
      resolve();
    });
  });
}

export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await exited;
  clearTimeout(timer);
}

/** Resident memory in MiB, from the kernel; undefined where the system has no /proc. */
export function residentMiB(pid: number | undefined): number | undefined {
  try {
    const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1_024;
  } catch {
    return undefined;
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
