import type { MailContent } from '../mail-content.ts';
import type { MailLinks } from '../mail-links.ts';

/** Tells the address until now that another one is to replace it. */
export function emailChangeNoticeMail(
  facts: { readonly displayName: string; readonly newEmail: string },
  links: MailLinks,
): MailContent {
  return {
    subject: 'A change of your e-mail address was asked for',
    greet: facts.displayName,
    paragraphs: [
      `Somebody who knows your password has asked to sign in with ${facts.newEmail} instead of this address.`,
    ],
    closing: [
      `If it was not you, change your password at ${links.to('/')} at once: that also stops the change.`,
    ],
  };
}
