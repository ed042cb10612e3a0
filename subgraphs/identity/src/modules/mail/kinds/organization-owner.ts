import type { MailContent } from '../mail-content.ts';
import type { MailLinks } from '../mail-links.ts';

/** Hands an organization that the platform has created to its Owner, who chooses a password. */
export function organizationOwnerMail(
  facts: { readonly displayName: string; readonly organizationName: string; readonly token: string },
  links: MailLinks,
): MailContent {
  return {
    subject: `Your organization ${facts.organizationName} is ready`,
    greet: facts.displayName,
    paragraphs: [
      `You are the Owner of ${facts.organizationName}. Choose a password within 7 days, and you can sign in.`,
    ],
    action: {
      label: 'Choose a password',
      url: links.withToken('/verify-email', facts.token),
      code: facts.token,
    },
    closing: ['If you do not know this organization, ignore this mail.'],
  };
}
