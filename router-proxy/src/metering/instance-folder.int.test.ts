import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimInstanceFolder } from './instance-folder.ts';
import { aHome } from './test-ledger.ts';

let home: ReturnType<typeof aHome>;

beforeEach(() => {
  home = aHome();
});
afterEach(() => home.remove());

const MODULE = JSON.stringify(new URL('instance-folder.ts', import.meta.url).href);

/** Another process that owns a folder until it is killed. */
async function claimElsewhere() {
  const script = `import(${MODULE}).then((m) => {
    console.log(m.claimInstanceFolder(${JSON.stringify(home.path)}).path);
    setInterval(() => {}, 1000);
  });`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [path] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    path: path.toString().trim(),
    async kill() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

describe('the folder of an instance', () => {
  it('is its own while it lives, and free again after it', () => {
    const first = claimInstanceFolder(home.path);
    const second = claimInstanceFolder(home.path);
    expect([first, second].map((folder) => basename(folder.path))).toEqual(['1', '2']);
    first.release();
    expect(claimInstanceFolder(home.path).path).toBe(first.path);
  });

  it('passes to the next process with all that a killed one left', async () => {
    const [dead, alive] = [await claimElsewhere(), await claimElsewhere()];
    writeFileSync(join(dead.path, 'spill', '1.ndjson'), 'from the dead');
    writeFileSync(join(alive.path, 'spill', '1.ndjson'), 'from the living');
    await dead.kill();
    const next = claimInstanceFolder(home.path);
    expect(next.path).toBe(dead.path);
    expect(readdirSync(next.spill)).toEqual(['1.ndjson']);
    await alive.kill();
    const other = claimInstanceFolder(home.path);
    expect(other.path).toBe(alive.path);
    other.release();
    next.release();
    const last = claimInstanceFolder(home.path);
    expect(readdirSync(last.spill).toSorted()).toEqual(['1-of-2.ndjson', '1.ndjson']);
    expect(existsSync(join(alive.path, 'spill', '1.ndjson'))).toBe(false);
  });
});
