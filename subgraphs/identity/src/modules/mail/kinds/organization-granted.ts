import type { MailContent } from '../mail-content.ts';
import type { MailLinks } from '../mail-links.ts';

/** Tells somebody who has an account that the platform has created an organization for them. */
export function organizationGrantedMail(
  facts: { readonly displayName: string; readonly organizationName: string },
  links: MailLinks,
): MailContent {
  return {
    subject: `Your organization ${facts.organizationName} is ready`,
    greet: facts.displayName,
    paragraphs: [`You are the Owner of ${facts.organizationName}. Sign in as usual at ${links.to('/')}.`],
    closing: ['If you do not know this organization, tell whoever operates the platform.'],
  };
}
