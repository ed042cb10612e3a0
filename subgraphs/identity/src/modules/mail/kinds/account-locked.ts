import type { MailContent } from '../mail-content.ts';
import type { MailLinks } from '../mail-links.ts';

/** Tells a person that somebody has tried to sign in as them too often. */
export function accountLockedMail(facts: { readonly displayName: string }, links: MailLinks): MailContent {
  return {
    subject: 'Signing in is locked for 15 minutes',
    greet: facts.displayName,
    paragraphs: [
      'Somebody has tried to sign in with your address and failed five times within 15 minutes. Nobody can sign in with it for the next 15 minutes.',
    ],
    closing: [
      `If it was you and you forgot your password, ask for a new one at ${links.to('/')}. If it was not, nobody came in; make sure that your password is used nowhere else.`,
    ],
  };
}
