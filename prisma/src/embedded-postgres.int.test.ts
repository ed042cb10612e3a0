import { execFile, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAlive } from './embedded/instance-lock.ts';
import { startEmbeddedPostgres } from './embedded-postgres.ts';

const isRoot = process.getuid?.() === 0;
const settings = { fsync: 'off' };

let home: string;
let dataDir: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'weir-embedded-'));
  await chmod(home, 0o755);
  dataDir = join(home, 'pg');
});

afterAll(() => rm(home, { recursive: true, force: true }));

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function untilGone(pid: number): Promise<boolean> {
  const until = Date.now() + 30_000;
  while (isAlive(pid) && Date.now() < until) await delay(20);
  return !isAlive(pid);
}

/** A process of its own that starts the server, prints its pid and waits. */
function startElsewhere(folder: string) {
  const script = `
    import { startEmbeddedPostgres } from ${JSON.stringify(fileURLToPath(new URL('./embedded-postgres.ts', import.meta.url)))};
    try {
      const server = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(folder)}, port: 0 });
      process.stdout.write(JSON.stringify({ pid: server.pid, url: server.url }) + '\\n');
      setInterval(() => undefined, 1_000);
    } catch (error) {
      process.stdout.write(JSON.stringify({ error: error.message }) + '\\n');
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const said = new Promise<{ pid: number; url: string; error?: string }>((resolve, reject) => {
    child.stdout.setEncoding('utf8').once('data', (line: string) => {
      resolve(JSON.parse(line) as { pid: number; url: string; error?: string });
    });
    child.once('error', reject);
  });
  return { child, said };
}

describe('startEmbeddedPostgres', () => {
  it('runs PostgreSQL 18 on loopback alone and keeps the data over a restart', async () => {
    const first = await startEmbeddedPostgres({ dataDir, port: 0, settings });
    const [version] = await query(first.url, 'show server_version_num');
    expect(Number(version?.['server_version_num'])).toBeGreaterThanOrEqual(180_000);
    expect(await query(first.url, 'show listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
    await query(first.url, 'create table kept (n integer)');
    await query(first.url, 'insert into kept values (7)');
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);

    const second = await startEmbeddedPostgres({ dataDir, port: 0, settings });
    expect(await query(second.url, 'select n from kept')).toEqual([{ n: 7 }]);
    await second.stop();
    await second.stop();
  });

  it('keeps the password in a file that only its owner can read, and demands it', async () => {
    const { mode } = await stat(`${dataDir}.password`);
    expect(mode & 0o777).toBe(0o600);
    const server = await startEmbeddedPostgres({ dataDir, port: 0, settings });
    const wrong = new URL(server.url);
    wrong.password = 'guess';
    await expect(query(wrong.href, 'select')).rejects.toThrow('password authentication failed');
    await server.stop();
  });

  it('is durable unless told otherwise', async () => {
    const server = await startEmbeddedPostgres({ dataDir, port: 0 });
    const rows = await query(
      server.url,
      `select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes')`,
    );
    expect(rows.map((row) => row['setting'])).toEqual(['on', 'on', 'on']);
    await server.stop();
  });

  it('names a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((listening) => other.once('listening', listening));
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(startEmbeddedPostgres({ dataDir, port, settings })).rejects.toThrow(
      `Port ${String(port)}, wanted for the embedded PostgreSQL, is taken by another program`,
    );
    other.close();
  });

  it('refuses a second copy on the same data and names the first', async () => {
    const server = await startEmbeddedPostgres({ dataDir, port: 0, settings });
    const { child, said } = startElsewhere(dataDir);
    expect((await said).error).toContain(
      `Weir is already running on ${dataDir} (process ${String(process.pid)})`,
    );
    child.kill();
    await server.stop();
  });

  it('says when a folder holds something else, or a file is in its way', async () => {
    const foreign = join(home, 'foreign');
    await mkdir(foreign);
    await writeFile(join(foreign, 'letter.txt'), 'Dear all');
    await expect(startEmbeddedPostgres({ dataDir: foreign, port: 0 })).rejects.toThrow(
      'holds files but no database',
    );
    await writeFile(join(home, 'file'), '');
    await expect(startEmbeddedPostgres({ dataDir: join(home, 'file', 'pg'), port: 0 })).rejects.toThrow(
      'is a file',
    );
  });

  it.runIf(process.platform === 'linux')('says where no folder can be made, also to root', async () => {
    await expect(startEmbeddedPostgres({ dataDir: '/proc/weir/pg', port: 0 })).rejects.toThrow(
      'The data folder /proc/weir cannot be used: /proc/weir cannot be created',
    );
  });

  it.runIf(isRoot)('says as root which folder keeps its system user out', async () => {
    const closed = join(home, 'closed');
    await mkdir(closed, { mode: 0o700 });
    await expect(startEmbeddedPostgres({ dataDir: join(closed, 'home', 'pg'), port: 0 })).rejects.toThrow(
      `may not enter ${closed}`,
    );
  });

  it.skipIf(isRoot)('says which folder cannot be written', async () => {
    const closed = join(home, 'closed');
    await mkdir(closed, { mode: 0o500 });
    await expect(startEmbeddedPostgres({ dataDir: join(closed, 'pg'), port: 0 })).rejects.toThrow(
      'cannot be written',
    );
  });

  it('starts again at once after the server was killed, with everything that was committed', async () => {
    const killed = await startEmbeddedPostgres({ dataDir, port: 0 });
    await query(killed.url, 'create table committed (n integer)');
    await query(killed.url, 'insert into committed values (1)');
    process.kill(killed.pid, 'SIGKILL');
    await killed.exited;
    const again = await startEmbeddedPostgres({ dataDir, port: killed.port });
    expect(again.url).toBe(killed.url);
    expect(await query(again.url, 'select n from committed')).toEqual([{ n: 1 }]);
    await again.stop();
  });

  it('takes over from a killed process whose server still runs', async () => {
    const { child, said } = startElsewhere(dataDir);
    const { pid } = await said;
    child.kill('SIGKILL');
    await new Promise((gone) => child.once('exit', gone));
    expect(isAlive(pid)).toBe(true);
    const server = await startEmbeddedPostgres({ dataDir, port: 0, settings });
    expect(await untilGone(pid)).toBe(true);
    await server.stop();
  });

  it('ignores a pid file whose number has been given to a stranger', async () => {
    await writeFile(join(dataDir, 'postmaster.pid'), `${String(process.pid)}\n${dataDir}\n`);
    const server = await startEmbeddedPostgres({ dataDir, port: 0, settings });
    expect(await readFile(join(dataDir, 'postmaster.pid'), 'utf8')).toContain(String(server.pid));
    await server.stop();
  });

  it('survives a Ctrl-C meant for the whole process group, and ends with its starter', async () => {
    const { child, said } = startElsewhere(dataDir);
    const { pid } = await said;
    const { stdout } = await promisify(execFile)('ps', ['-o', 'pgid=', '-p', String(pid)]);
    expect(Number(stdout)).not.toBe(child.pid);
    // The child has no handler: the signal ends it without running any code, as Ctrl-C would.
    process.kill(-(child.pid ?? 0), 'SIGINT');
    await new Promise((gone) => child.once('exit', gone));
    expect(isAlive(pid)).toBe(true);
    const server = await startEmbeddedPostgres({ dataDir, port: 0, settings });
    await server.stop();
    expect(isAlive(pid)).toBe(false);
  });
});
