import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { EmbeddedPostgresError } from './error.ts';

const run = promisify(execFile);

/** Whom PostgreSQL runs as; undefined ids mean "as ourselves". */
export interface ServerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const OWN_USER = 'weir-postgres';

async function lookUp(name: string): Promise<ServerUser | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
    return { name, uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

/** The first form is of most Linux distributions, the second of those with BusyBox. */
async function create(): Promise<void> {
  const attempts: readonly (readonly [string, readonly string[]])[] = [
    ['useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', OWN_USER]],
    ['adduser', ['-S', '-D', '-H', '-s', '/sbin/nologin', OWN_USER]],
  ];
  for (const [command, args] of attempts) {
    try {
      await run(command, [...args]);
      return;
    } catch {
      // Not there, not permitted, or another start has just created it: the look-up afterwards decides.
    }
  }
}

/**
 * PostgreSQL refuses to run as root. Root therefore runs it as a system user of its own, created at the first start;
 * where none can be created, as `nobody`. Undefined for everybody else.
 */
export async function serverUser(): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const existing = await lookUp(OWN_USER);
  if (existing) return existing;
  await create();
  const user = (await lookUp(OWN_USER)) ?? (await lookUp('nobody'));
  if (user && user.uid !== 0) return user;
  throw new EmbeddedPostgresError(
    `PostgreSQL does not run as root, and the system user ${OWN_USER} could not be created: create it, or start Weir as an ordinary user.`,
  );
}
