import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { EmbeddedPostgresError } from './error.ts';
import { isAlive } from './instance-lock.ts';

const STOP_DEADLINE_MS = 20_000;

async function commandOf(pid: number): Promise<string> {
  try {
    if (process.platform === 'linux') {
      return (await readFile(`/proc/${String(pid)}/cmdline`, 'utf8')).replaceAll('\0', ' ');
    }
    return (await promisify(execFile)('ps', ['-p', String(pid), '-o', 'command='])).stdout;
  } catch {
    return '';
  }
}

/** Waits until a process is gone. */
export async function untilGone(pid: number, deadlineMs: number): Promise<boolean> {
  const until = performance.now() + deadlineMs;
  while (isAlive(pid)) {
    if (performance.now() > until) return false;
    await delay(20);
  }
  return true;
}

/**
 * What a killed Weir left behind: its server may still run, or only the file that names its process. The number in the
 * file may by now belong to a stranger, for whom PostgreSQL would refuse to start; then the file is removed.
 * The caller holds the instance lock, so nobody else is using the data.
 */
export async function clearLeftovers(dataDir: string): Promise<void> {
  const pidFile = join(dataDir, 'postmaster.pid');
  const pid = Number.parseInt(await readFile(pidFile, 'utf8').catch(() => ''), 10);
  if (!Number.isSafeInteger(pid) || pid <= 0) return;
  if (isAlive(pid) && (await commandOf(pid)).includes(dataDir)) {
    process.kill(pid, 'SIGINT');
    if (!(await untilGone(pid, STOP_DEADLINE_MS))) {
      throw new EmbeddedPostgresError(
        `The PostgreSQL of an earlier run (process ${String(pid)}) does not stop: end it and start again.`,
      );
    }
  }
  await rm(pidFile, { force: true });
}
