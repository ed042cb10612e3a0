import type { Uuid } from '@weir/kernel/ids';
import type { Letter } from './letter.ts';

/** What carries mails away. */
export interface MailTransport {
  /**
   * Resolves when somebody else has taken responsibility for the mail.
   * @param id The same for every attempt, so that a receiver can tell a repetition.
   * @throws MailRefused when trying again cannot help; anything else when it may.
   */
  send(id: Uuid, letter: Letter): Promise<void>;
  close(): void;
}

/** The receiver will never take this mail. */
export class MailRefused extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MailRefused';
  }
}
