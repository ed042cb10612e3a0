import type { MailContent } from '../mail-content.ts';
import type { MailLinks } from '../mail-links.ts';

const CHANGES = {
  totpEnabled: 'An authenticator app was enrolled. From now on, signing in asks for its code.',
  totpDisabled: 'Your authenticator app was disabled. Signing in does not ask for its codes any more.',
  passkeyAdded: 'A passkey was added, which signs you in from now on.',
  passkeyRemoved: 'A passkey was removed, and does not sign you in any more.',
  recoveryCodesReplaced: 'New recovery codes were made. The former ones are worthless.',
  reset:
    'An administrator removed your authenticator app, your passkeys and your recovery codes, and signed you out everywhere. Enroll new ones when you have signed in again.',
} as const;

export type SecondFactorsChange = keyof typeof CHANGES;

/** Tells a person that something else signs them in from now on. */
export function secondFactorsChangedMail(
  facts: { readonly displayName: string; readonly change: SecondFactorsChange },
  links: MailLinks,
): MailContent {
  const remedy =
    facts.change === 'reset'
      ? 'If you did not ask for it, ask your administrator at once.'
      : `If it was not you, ask for a new password at ${links.to('/')} at once, and tell your administrator.`;
  return {
    subject: 'Your second factors were changed',
    greet: facts.displayName,
    paragraphs: [CHANGES[facts.change]],
    closing: [remedy],
  };
}
