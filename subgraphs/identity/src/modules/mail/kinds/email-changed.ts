import type { MailContent } from '../mail-content.ts';

/** Tells the address before that it is not the one to sign in with any more. */
export function emailChangedMail(facts: {
  readonly displayName: string;
  readonly newEmail: string;
}): MailContent {
  return {
    subject: 'Your e-mail address was changed',
    greet: facts.displayName,
    paragraphs: [`You sign in with ${facts.newEmail} from now on, and not with this address any more.`],
    closing: ['If it was not you, tell your administrator at once.'],
  };
}
