import type { MailContent } from '../mail-content.ts';
import type { MailLinks } from '../mail-links.ts';

/** Tells a person that their password is another one now. */
export function passwordChangedMail(facts: { readonly displayName: string }, links: MailLinks): MailContent {
  return {
    subject: 'Your password was changed',
    greet: facts.displayName,
    paragraphs: [
      'Your password has just been changed, and everybody else who was signed in as you is not any more.',
    ],
    closing: [
      `If it was not you, ask for a new password at ${links.to('/')} at once, and tell your administrator.`,
    ],
  };
}
