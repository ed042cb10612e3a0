import { chmod, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EmbeddedPostgresError, systemCode } from './error.ts';
import type { ServerUser } from './system-user.ts';

/** Every folder from the root down to and including `path`. */
function lineage(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [...lineage(parent), path];
}

/** Whether the user may enter an existing folder, by its permission bits. */
async function isOpenTo(folder: string, user: ServerUser): Promise<boolean> {
  const { mode, uid, gid } = await stat(folder);
  const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
  return (mode & bit) !== 0;
}

/** Whether the user may enter a folder and every folder on the way to it. */
export async function isReachable(path: string, user: ServerUser): Promise<boolean> {
  for (const folder of lineage(path)) {
    if (!(await isOpenTo(folder, user))) return false;
  }
  return true;
}

/** Node's own recursive creation never ends below file systems that take no folders, such as /proc. */
async function ensureFolder(folder: string, user: ServerUser | undefined): Promise<void> {
  const found = await stat(folder).catch((thrown: unknown) => {
    if (systemCode(thrown) === 'ENOENT') return undefined;
    throw thrown;
  });
  if (found === undefined) {
    await mkdir(folder);
    // What we create under a strict umask would be closed to the server's user.
    if (user) await chmod(folder, 0o755);
  } else if (!found.isDirectory()) {
    throw Object.assign(new Error(`${folder} is a file`), { code: 'ENOTDIR' });
  }
}

/**
 * Creates the folder that will hold the data folder, and makes sure that the server's user can reach it.
 * @throws EmbeddedPostgresError when it cannot be written or entered; then nothing was created below a closed folder.
 */
export async function prepareHome(home: string, user: ServerUser | undefined): Promise<void> {
  for (const folder of lineage(home)) {
    try {
      await ensureFolder(folder, user);
    } catch (thrown) {
      const code = systemCode(thrown);
      if (code === undefined) throw thrown;
      const reason = code === 'ENOTDIR' ? `${folder} is a file` : `${folder} cannot be created (${code})`;
      throw new EmbeddedPostgresError(
        `The data folder ${home} cannot be used: ${reason}. Choose another one with WEIR_HOME.`,
        { cause: thrown },
      );
    }
    if (user && !(await isOpenTo(folder, user))) {
      throw new EmbeddedPostgresError(
        `PostgreSQL does not run as root but as the user ${user.name}, who may not enter ${folder}: set WEIR_HOME to a folder ` +
          `that everybody can reach (for example /var/lib/weir), allow it with chmod o+x ${folder}, or start Weir as an ordinary user.`,
      );
    }
  }
}
