import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 60_000;

/** The end of a name is the id of its mail, and ids grow in the order in which mails were written; they may be sent in another. */
const idIn = (name: string): string => name.slice(-'00000000-0000-0000-0000-000000000000.txt'.length);

async function newestMail(folder: string, email: string): Promise<string | undefined> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.txt'));
  for (const name of names.toSorted((a, b) => (idIn(a) < idIn(b) ? 1 : -1))) {
    const text = await readFile(join(folder, name), 'utf8');
    if (text.startsWith(`To: ${email}\n`)) return text;
  }
  return undefined;
}

/** The newest mail to an address, as soon as there is one. */
export async function waitForMail(folder: string, email: string): Promise<string> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const mail = await newestMail(folder, email);
    if (mail !== undefined) return mail;
    if (Date.now() > deadline) throw new Error(`no mail to ${email} came`);
    await sleep(50);
  }
}

/** The token that a mail's link carries. */
export function tokenIn(mail: string): string {
  const token = /#token=([\w%-]+)/.exec(mail)?.[1];
  if (token === undefined) throw new Error('the mail carries no token');
  return decodeURIComponent(token);
}
