import pg from 'pg';
import { descendants, type ProcessEntry } from './process-cpu.ts';

/** The proxy below a launcher, by its command line; undefined where the system has no /proc. */
export function proxyPid(launcher: number): number | undefined {
  return descendants(launcher).find(({ command }) => command.includes('router-proxy/'))?.pid;
}

/**
 * Every process of a platform, by what it does. Backends of PostgreSQL are told apart by the name that their client gave;
 * Redis and a PostgreSQL of the benchmark's own are found below this process.
 */
export async function weirRoles(
  launcher: number,
  databaseUrl: string,
): Promise<readonly (readonly [string, readonly number[]])[]> {
  const backends = await backendNames(databaseUrl);
  const roles = new Map<string, number[]>();
  const add = (role: string, pid: number): void => {
    roles.set(role, [...(roles.get(role) ?? []), pid]);
  };
  const own = descendants(launcher);
  const beside = descendants(process.pid).filter(({ command }) => /redis-server/.test(command));
  for (const { pid, command } of [...own, ...beside]) add(roleOf(command), pid);
  for (const { pid, name } of backends) add(`PostgreSQL: ${name}`, pid);
  add('launcher', launcher);
  return [...roles].filter(([role]) => role !== 'PostgreSQL');
}

function roleOf(command: ProcessEntry['command']): string {
  if (command.includes('router-proxy/')) return 'proxy';
  if (command.includes('redis-server')) return 'Redis';
  if (/postgres/i.test(command)) return 'PostgreSQL';
  return 'control';
}

async function backendNames(
  databaseUrl: string,
): Promise<readonly { readonly pid: number; readonly name: string }[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ pid: number; name: string }>(
      `select pid, coalesce(nullif(application_name, ''), backend_type) as name from pg_stat_activity
       where pid <> pg_backend_pid()`,
    );
    return rows;
  } finally {
    await client.end();
  }
}
