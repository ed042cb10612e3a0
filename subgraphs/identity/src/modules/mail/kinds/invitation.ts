import type { MailContent } from '../mail-content.ts';
import type { MailLinks } from '../mail-links.ts';

export interface InvitationFacts {
  readonly organizationName: string;
  readonly inviterName: string;
  readonly roleName: string;
  /** Of the inviter to the reader. */
  readonly message: string | null;
  readonly lifeDays: number;
  readonly token: string;
}

/** Invites somebody into an organization; the same whether or not they have an account. */
export function invitationMail(facts: InvitationFacts, links: MailLinks): MailContent {
  const { organizationName, inviterName, roleName, message } = facts;
  return {
    subject: `${inviterName} invites you to ${organizationName}`,
    paragraphs: [
      `${inviterName} invites you to join ${organizationName} as ${roleName}.`,
      ...(message === null ? [] : [`${inviterName} writes: ${message}`]),
      `Accept within ${facts.lifeDays} days. If you have an account with this address, sign in first; otherwise choose a password.`,
    ],
    action: {
      label: 'Accept the invitation',
      url: links.withToken('/accept-invitation', facts.token),
      code: facts.token,
    },
    closing: ['If you do not know who this is, ignore this mail: without your consent nothing happens.'],
  };
}
