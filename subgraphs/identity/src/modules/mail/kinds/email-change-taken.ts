import type { MailContent } from '../mail-content.ts';

/** Tells the holder of an address that somebody wants it; whoever does learns nothing. */
export function emailChangeTakenMail(facts: { readonly displayName: string }): MailContent {
  return {
    subject: 'Somebody wants to use your e-mail address',
    greet: facts.displayName,
    paragraphs: ['Somebody has asked to sign in with this address. It is yours, so nothing was changed.'],
    closing: ['There is nothing to do: your account is as it was.'],
  };
}
