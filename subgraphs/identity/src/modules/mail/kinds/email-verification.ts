import type { MailContent } from '../mail-content.ts';
import type { MailLinks } from '../mail-links.ts';

/** Proves that whoever signed up reads this address. */
export function emailVerificationMail(
  facts: { readonly displayName: string; readonly organizationName: string; readonly token: string },
  links: MailLinks,
): MailContent {
  return {
    subject: 'Confirm your e-mail address',
    greet: facts.displayName,
    paragraphs: [
      `Thank you for signing ${facts.organizationName} up. Confirm this address within 24 hours, and you can sign in.`,
    ],
    action: {
      label: 'Confirm the address',
      url: links.withToken('/verify-email', facts.token),
      code: facts.token,
    },
    closing: ['If you did not sign up, ignore this mail: without the confirmation nothing happens.'],
  };
}
