import { mkdirSync, accessSync, constants, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { processStartTime } from './process-start-time.ts';
import { StartupError } from './startup-error.ts';

/** The folder that holds everything the embedded platform keeps: data, secrets, journals, the demo's addresses. */
export interface Home {
  readonly path: string;
  file(name: string): string;
  release(): void;
}

interface Owner {
  readonly pid: number;
  /** Distinguishes the owner from a later process that was given the same number. */
  readonly startedAt: string;
}

/**
 * Creates the folder and takes it for this process.
 * @throws StartupError with one sentence when it cannot be used or another copy runs on it.
 */
export function openHome(folder: string): Home {
  const path = resolve(folder);
  try {
    // Traversable by others, because PostgreSQL refuses to run as root and its own user must reach its data.
    mkdirSync(path, { recursive: true, mode: 0o711 });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StartupError(
      `The data folder ${path} cannot be written (${reason}). Make it writable or set WEIR_HOME to another folder.`,
    );
  }
  const lockFile = join(path, 'weir.pid');
  takeLock(lockFile, path);
  return {
    path,
    file: (name) => join(path, name),
    release: () => rmSync(lockFile, { force: true }),
  };
}

function takeLock(lockFile: string, path: string): void {
  const owner: Owner = { pid: process.pid, startedAt: processStartTime(process.pid) ?? '' };
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      writeFileSync(lockFile, JSON.stringify(owner), { flag: 'wx' });
      return;
    } catch {
      const running = readOwner(lockFile);
      if (running && processStartTime(running.pid) === running.startedAt) {
        throw new StartupError(
          `Weir already runs on ${path} (process ${running.pid}). Stop it first, or set WEIR_HOME to another folder for a second copy.`,
        );
      }
      rmSync(lockFile, { force: true });
    }
  }
  throw new StartupError(`The lock ${lockFile} cannot be taken; another copy is starting on the same data.`);
}

function readOwner(lockFile: string): Owner | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(lockFile, 'utf8'));
    if (typeof parsed === 'object' && parsed !== null && 'pid' in parsed && 'startedAt' in parsed) {
      return { pid: Number(parsed.pid), startedAt: String(parsed.startedAt) };
    }
  } catch {
    // A lock that cannot be read was left by a crash in the middle of writing it.
  }
  return undefined;
}
