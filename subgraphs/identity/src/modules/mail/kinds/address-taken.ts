import type { MailContent } from '../mail-content.ts';
import type { MailLinks } from '../mail-links.ts';

/** Tells the holder of an account that somebody signed up with its address; whoever did so learns nothing. */
export function addressTakenMail(facts: { readonly displayName: string }, links: MailLinks): MailContent {
  return {
    subject: 'You have an account already',
    greet: facts.displayName,
    paragraphs: [
      'Somebody, probably you, has just signed up with this address. It has an account already, so nothing was created.',
      `Sign in at ${links.to('/')}; if you forgot your password, ask for a new one there.`,
    ],
    closing: ['If it was not you, there is nothing to do: your account is as it was.'],
  };
}
