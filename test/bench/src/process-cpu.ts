import { readdirSync, readFileSync } from 'node:fs';

/** CPU time of a process so far in microseconds, all threads together, from the kernel; 0 for one that has ended. */
export function cpuUs(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).reduce((sum, task) => {
      const [ranNs] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ');
      return sum + Number(ranNs) / 1_000;
    }, 0);
  } catch {
    return 0;
  }
}

export interface ProcessEntry {
  readonly pid: number;
  readonly command: string;
}

/** What a process has started, directly or not; empty where the system has no /proc. */
export function descendants(root: number): readonly ProcessEntry[] {
  const children = new Map<number, ProcessEntry[]>();
  for (const entry of listProcesses()) {
    const parent = parentOf(entry);
    if (parent === undefined) continue;
    const siblings = children.get(parent.pid) ?? [];
    siblings.push(parent.child);
    children.set(parent.pid, siblings);
  }
  const found: ProcessEntry[] = [];
  const waiting = [root];
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    for (const child of children.get(pid) ?? []) {
      found.push(child);
      waiting.push(child.pid);
    }
  }
  return found;
}

function listProcesses(): readonly string[] {
  try {
    return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  } catch {
    return [];
  }
}

function parentOf(entry: string): { readonly pid: number; readonly child: ProcessEntry } | undefined {
  try {
    const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return { pid: parent, child: { pid: Number(entry), command } };
  } catch {
    // It ended meanwhile.
    return undefined;
  }
}
