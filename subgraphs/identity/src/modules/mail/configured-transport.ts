import type { Clock } from '@weir/kernel/clock';
import type { Logger } from '@weir/service/logger';
import type { Config } from '../../config.ts';
import { createFileTransport } from './file-transport.ts';
import type { MailTransport } from './mail-transport.ts';
import { createSmtpTransport } from './smtp-transport.ts';

/** How long a mail server may be silent. */
const SMTP_TIMEOUT_MS = 15_000;

/** A mail server where one is configured, files where none is. */
export function mailTransportOf({ mail }: Config, clock: Clock, log: Logger): MailTransport {
  if (mail.to === 'smtp') {
    return createSmtpTransport({ url: mail.url, from: mail.from, timeoutMs: SMTP_TIMEOUT_MS });
  }
  log.info({ folder: mail.folder }, 'SMTP_URL is not set: mails are kept as files');
  return createFileTransport({ folder: mail.folder, clock, log });
}
