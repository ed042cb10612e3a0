import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@weir/kernel/clock';
import type { Logger } from '@weir/service/logger';
import type { MailTransport } from './mail-transport.ts';

export interface FileTransportOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Two files each; older ones are removed. */
const MAILS_KEPT = 500;

/**
 * Keeps mails as files where no mail server is configured: `<instant>-<id>.txt` to read and `.html` to open, so that the
 * last one in the order of names is the newest. Only the user that runs the platform can read them.
 */
export function createFileTransport({ folder, clock, log }: FileTransportOptions): MailTransport {
  async function removeOld(): Promise<void> {
    const names = (await readdir(folder)).toSorted();
    const old = names.slice(0, Math.max(0, names.length - 2 * MAILS_KEPT));
    for (const name of old) await rm(join(folder, name), { force: true });
  }

  return {
    async send(id, { to, subject, text, html, link }) {
      const name = `${new Date(clock.now()).toISOString().replaceAll(':', '-')}-${id}`;
      const options = { mode: 0o600 };
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeFile(join(folder, `${name}.html`), html, options);
      await writeFile(join(folder, `${name}.txt`), `To: ${to}\nSubject: ${subject}\n\n${text}`, options);
      await removeOld();
      // A warning, for nobody has been sent it: whoever runs the platform has to read it here.
      log.warn({ subject, link, file: join(folder, `${name}.txt`) }, 'mail kept in a file');
    },
    close: () => undefined,
  };
}
