import type { Clock } from '@weir/kernel/clock';
import { newUuid } from '@weir/kernel/ids';
import type { Transaction } from '@weir/prisma/tenant';
import type { MasterKey } from '@weir/service/vault';
import { sealLetter } from './letter.ts';
import type { MailLinks } from './mail-links.ts';
import { contentOf, type Mail } from './mail.ts';
import { createMailOutbox } from './mail-outbox.ts';
import { renderHtml, renderText } from './render-mail.ts';

/** Writes a mail in the transaction that it tells of: it is sent when that commits, and never when it does not. */
export type QueueMail = (tx: Transaction, order: MailOrder) => Promise<void>;

export interface MailOrder {
  /** An address in the form of `normalizeEmail`. */
  readonly to: string;
  readonly mail: Mail;
}

export interface QueueMailDeps {
  readonly masterKey: MasterKey;
  readonly clock: Clock;
  readonly links: MailLinks;
}

export function createQueueMail({ masterKey, clock, links }: QueueMailDeps): QueueMail {
  return async (tx, { to, mail }) => {
    const nowMs = clock.now();
    const id = newUuid(nowMs);
    const content = contentOf(mail, links);
    const letter = {
      to,
      subject: content.subject,
      text: renderText(content),
      html: renderHtml(content),
      link: content.action?.url ?? null,
    };
    await createMailOutbox(tx).insert(id, mail.kind, sealLetter(id, letter, masterKey), new Date(nowMs));
  };
}
