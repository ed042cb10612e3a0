import { addressTakenMail } from './kinds/address-taken.ts';
import { emailVerificationMail } from './kinds/email-verification.ts';
import { invitationMail } from './kinds/invitation.ts';
import { organizationOwnerMail } from './kinds/organization-owner.ts';
import type { MailContent } from './mail-content.ts';
import type { MailLinks } from './mail-links.ts';

/** Every kind of mail and what it says. A new kind is one file below `kinds/` and one line here. */
const KINDS = {
  addressTaken: addressTakenMail,
  emailVerification: emailVerificationMail,
  invitation: invitationMail,
  organizationOwner: organizationOwnerMail,
} as const satisfies Readonly<Record<string, (facts: never, links: MailLinks) => MailContent>>;

export type MailKind = keyof typeof KINDS;

type MailOf<Kind extends MailKind> = { readonly kind: Kind } & Parameters<(typeof KINDS)[Kind]>[0];

/** A mail before it is written: its kind, and the facts that this kind tells. */
export type Mail = { readonly [Kind in MailKind]: MailOf<Kind> }[MailKind];

export function contentOf(mail: Mail, links: MailLinks): MailContent {
  // The kind decides the facts; the compiler cannot see that both come from the same member of the union.
  const compose = KINDS[mail.kind] as (facts: Mail, links: MailLinks) => MailContent;
  return compose(mail, links);
}
