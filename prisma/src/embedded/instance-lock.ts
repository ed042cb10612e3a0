import { readFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { EmbeddedPostgresError, systemCode } from './error.ts';

interface Holder {
  readonly pid: number;
  /** Tells a process from a later one with the same number; null where the system does not say. */
  readonly startedAt: string | null;
}

/** Clock ticks from the system's start to the process's, on Linux. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    // The second field is a name that may contain anything; the start is the 22nd field.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

/** Whether a process of that number exists, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return systemCode(thrown) === 'EPERM';
  }
}

function isHeld(holder: Holder): boolean {
  return isAlive(holder.pid) && (holder.startedAt === null || holder.startedAt === startOf(holder.pid));
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('startedAt' in value))
      return undefined;
    const { pid, startedAt } = value;
    if (typeof pid !== 'number' || (typeof startedAt !== 'string' && startedAt !== null)) return undefined;
    return { pid, startedAt };
  } catch {
    return undefined;
  }
}

/**
 * One process at a time may use a data folder. The lock is a file that names its holder, so that a holder that was
 * killed does not keep it.
 * @returns A function that gives the lock back.
 * @throws EmbeddedPostgresError when a living process holds it.
 */
export async function lockInstance(path: string, dataDir: string): Promise<() => Promise<void>> {
  const content = JSON.stringify({ pid: process.pid, startedAt: startOf(process.pid) } satisfies Holder);
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      await writeFile(path, content, { flag: 'wx', mode: 0o644 });
      return () => rm(path, { force: true });
    } catch (thrown) {
      if (systemCode(thrown) !== 'EEXIST') {
        throw new EmbeddedPostgresError(
          `The data folder ${dataDir} cannot be written (${systemCode(thrown) ?? 'unknown error'}). Choose another one with WEIR_HOME.`,
          { cause: thrown },
        );
      }
    }
    const holder = await readHolder(path);
    if (holder && isHeld(holder)) {
      throw new EmbeddedPostgresError(
        `Weir is already running on ${dataDir} (process ${String(holder.pid)}): stop it first, or choose another folder with WEIR_HOME.`,
      );
    }
    await rm(path, { force: true });
  }
  throw new EmbeddedPostgresError(`Another Weir is starting on ${dataDir} at this moment: try again.`);
}
