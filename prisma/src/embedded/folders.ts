import { chmod, mkdir, stat } from 'node:fs/promises';
import { dirname, relative, sep, join } from 'node:path';
import { EmbeddedPostgresError, systemCode } from './error.ts';
import type { ServerUser } from './system-user.ts';

/** Every folder from the root down to and including `path`. */
function lineage(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [...lineage(parent), path];
}

/** The first folder on the way to `path` that the user may not enter, by its permission bits. */
export async function firstClosedFolder(path: string, user: ServerUser): Promise<string | undefined> {
  for (const folder of lineage(path)) {
    const { mode, uid, gid } = await stat(folder);
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return folder;
  }
  return undefined;
}

/**
 * Creates the folder that will hold the data folder, and makes sure that the server's user can reach it.
 * @throws EmbeddedPostgresError when it cannot be written or entered.
 */
export async function prepareHome(home: string, user: ServerUser | undefined): Promise<void> {
  try {
    const first = await mkdir(home, { recursive: true });
    // What we create under a strict umask would be closed to the server's user.
    if (first !== undefined && user) await open(first, home);
  } catch (thrown) {
    const code = systemCode(thrown);
    if (code === undefined) throw thrown;
    const reason =
      code === 'ENOTDIR' || code === 'EEXIST' ? 'a file is in the way' : `it cannot be created (${code})`;
    throw new EmbeddedPostgresError(
      `The data folder ${home} cannot be used: ${reason}. Choose another one with WEIR_HOME.`,
      { cause: thrown },
    );
  }
  if (!user) return;
  const closed = await firstClosedFolder(home, user);
  if (closed === undefined) return;
  throw new EmbeddedPostgresError(
    `PostgreSQL does not run as root but as the user ${user.name}, who may not enter ${closed}: set WEIR_HOME to a folder ` +
      `that everybody can reach (for example /var/lib/weir), allow it with chmod o+x ${closed}, or start Weir as an ordinary user.`,
  );
}

async function open(first: string, last: string): Promise<void> {
  let folder = first;
  await chmod(folder, 0o755);
  for (const part of relative(first, last).split(sep).filter(Boolean)) {
    folder = join(folder, part);
    await chmod(folder, 0o755);
  }
}
