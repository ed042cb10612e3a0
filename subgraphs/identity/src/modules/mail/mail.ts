import { addressTakenMail } from './kinds/address-taken.ts';
import { emailVerificationMail } from './kinds/email-verification.ts';
import { invitationMail } from './kinds/invitation.ts';
import { organizationGrantedMail } from './kinds/organization-granted.ts';
import { organizationOwnerMail } from './kinds/organization-owner.ts';
import { accountLockedMail } from './kinds/account-locked.ts';
import { emailChangeMail } from './kinds/email-change.ts';
import { emailChangedMail } from './kinds/email-changed.ts';
import { emailChangeNoticeMail } from './kinds/email-change-notice.ts';
import { emailChangeTakenMail } from './kinds/email-change-taken.ts';
import { passwordChangedMail } from './kinds/password-changed.ts';
import { passwordResetMail } from './kinds/password-reset.ts';
import { secondFactorsChangedMail } from './kinds/second-factors-changed.ts';
import type { MailContent } from './mail-content.ts';
import type { MailLinks } from './mail-links.ts';

/** Every kind of mail and what it says. A new kind is one file below `kinds/` and one line here. */
const KINDS = {
  accountLocked: accountLockedMail,
  addressTaken: addressTakenMail,
  emailChange: emailChangeMail,
  emailChanged: emailChangedMail,
  emailChangeNotice: emailChangeNoticeMail,
  emailChangeTaken: emailChangeTakenMail,
  emailVerification: emailVerificationMail,
  invitation: invitationMail,
  organizationGranted: organizationGrantedMail,
  organizationOwner: organizationOwnerMail,
  passwordChanged: passwordChangedMail,
  passwordReset: passwordResetMail,
  secondFactorsChanged: secondFactorsChangedMail,
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
