import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

export interface SystemProcess {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** Every process of the machine, from /proc where there is one, else from ps. */
export function listProcesses(): SystemProcess[] {
  return existsSync('/proc/self/stat') ? fromProc() : fromPs();
}

/** All processes below one, its children's children included. */
export function descendants(pid: number): SystemProcess[] {
  const all = listProcesses();
  const found: SystemProcess[] = [];
  const parents = new Set([pid]);
  for (let grown = true; grown;) {
    grown = false;
    for (const candidate of all) {
      if (!parents.has(candidate.parent) || parents.has(candidate.pid)) continue;
      parents.add(candidate.pid);
      found.push(candidate);
      grown = true;
    }
  }
  return found;
}

function fromProc(): SystemProcess[] {
  const processes: SystemProcess[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (fields[0] === 'Z') continue;
      const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      processes.push({ pid: Number(entry), parent: Number(fields[1]), command });
    } catch {
      // It ended between the listing and the look.
    }
  }
  return processes;
}

function fromPs(): SystemProcess[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,command='], { encoding: 'utf8' });
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const [, pid, parent, command] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
      return { pid: Number(pid), parent: Number(parent), command: command ?? '' };
    });
}
