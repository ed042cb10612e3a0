import type { MailContent } from '../mail-content.ts';
import type { MailLinks } from '../mail-links.ts';

/** Proves that a person reads the address that they want to sign in with from now on. */
export function emailChangeMail(
  facts: { readonly displayName: string; readonly token: string },
  links: MailLinks,
): MailContent {
  return {
    subject: 'Confirm your new e-mail address',
    greet: facts.displayName,
    paragraphs: ['You want to sign in with this address from now on. Confirm it within 24 hours.'],
    action: {
      label: 'Confirm the address',
      url: links.withToken('/change-email', facts.token),
      code: facts.token,
    },
    closing: ['If you did not ask for it, ignore this mail: nothing happens without the confirmation.'],
  };
}
