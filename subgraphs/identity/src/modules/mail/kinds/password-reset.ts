import type { MailContent } from '../mail-content.ts';
import type { MailLinks } from '../mail-links.ts';

/** Lets somebody who forgot their password choose another one. */
export function passwordResetMail(
  facts: { readonly displayName: string; readonly token: string },
  links: MailLinks,
): MailContent {
  return {
    subject: 'Choose a new password',
    greet: facts.displayName,
    paragraphs: ['Somebody, probably you, has asked for a new password. Choose one within 24 hours.'],
    action: {
      label: 'Choose a password',
      url: links.withToken('/reset-password', facts.token),
      code: facts.token,
    },
    closing: ['If it was not you, ignore this mail: your password is as it was.'],
  };
}
