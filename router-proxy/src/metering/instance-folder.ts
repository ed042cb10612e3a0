import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A folder of its own for each running proxy: `<home>/metering/<number>`, the lowest whose owner is dead. What dead
 * owners left behind is moved into it, so that whoever starts next replays it. The home is a local folder: owners are
 * recognized by process id and start time.
 */
export interface InstanceFolder {
  readonly path: string;
  readonly spill: string;
  readonly journal: string;
  readonly deadLetters: string;
  release(): void;
}

const SLOTS_MAX = 256;

export function claimInstanceFolder(home: string): InstanceFolder {
  const root = join(home, 'metering');
  mkdirSync(root, { recursive: true });
  const path = claimFirst(root);
  const folder = {
    path,
    spill: join(path, 'spill'),
    journal: join(path, 'journal'),
    deadLetters: join(path, 'dead-letters.ndjson'),
    release: () => rmSync(join(path, 'owner'), { force: true }),
  };
  for (const own of [folder.spill, folder.journal]) mkdirSync(own, { recursive: true });
  for (const name of readdirSync(root)) {
    const other = join(root, name);
    if (other !== path && tryClaim(other)) adopt(other, path, name);
  }
  return folder;
}

function claimFirst(root: string): string {
  for (let slot = 1; slot <= SLOTS_MAX; slot++) {
    const path = join(root, String(slot));
    mkdirSync(path, { recursive: true });
    if (tryClaim(path)) return path;
  }
  throw new Error(`${root} already serves ${SLOTS_MAX} proxies`);
}

function tryClaim(path: string): boolean {
  const file = join(path, 'owner');
  const claim = (): boolean => {
    // Linking a written file makes the claim appear whole: nobody can read it empty and take it for a dead one.
    const draft = `${file}.${process.pid}.new`;
    try {
      writeFileSync(draft, `${process.pid} ${startTime(process.pid) ?? ''}`);
      linkSync(draft, file);
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST' || codeOf(error) === 'ENOENT') return false;
      throw error;
    } finally {
      rmSync(draft, { force: true });
    }
  };
  if (claim()) return true;
  if (isOwned(file)) return false;
  // Only one of several starters wins the rename, so only one removes the dead owner's claim.
  try {
    const stale = `${file}.${process.pid}`;
    renameSync(file, stale);
    rmSync(stale);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  return claim();
}

function isOwned(file: string): boolean {
  let owner: string;
  try {
    owner = readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
  const [pid, started] = owner.split(' ');
  const id = Number(pid);
  if (!Number.isSafeInteger(id) || id <= 0) return false;
  if (started !== undefined && started !== '') return startTime(id) === started;
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** Linux tells when a process started, which tells a reused process id apart; elsewhere it is undefined. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything, so fields are counted from behind it: the state, ..., the start.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A process that ended and was not collected by its parent owns nothing any more.
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function adopt(from: string, to: string, name: string): void {
  for (const kind of ['spill', 'journal']) {
    for (const file of list(join(from, kind))) {
      renameSync(
        join(from, kind, file),
        join(to, kind, `${file.replace(/\.ndjson$/, '')}-of-${name}.ndjson`),
      );
    }
  }
  rmSync(join(from, 'owner'), { force: true });
}

function list(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
