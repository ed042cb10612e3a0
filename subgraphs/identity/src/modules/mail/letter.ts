import { z } from 'zod';
import type { Uuid } from '@weir/kernel/ids';
import type { SealedSecret } from '@weir/contracts/policy-snapshot';
import { openSecret, sealSecret, type MasterKey } from '@weir/service/vault';

const letterSchema = z.object({
  /** An address in the form of `normalizeEmail`. */
  to: z.string(),
  subject: z.string(),
  text: z.string(),
  html: z.string(),
  /** Where the mail's one action leads; null without one. */
  link: z.string().nullable(),
});

/** A mail as it is sent. */
export type Letter = z.output<typeof letterSchema>;

const VERSION = 1;

/** What binds a sealed mail to its row. */
export const mailBinding = (id: Uuid, version: number): string => `mail:${id}:${version}`;

export function sealLetter(id: Uuid, letter: Letter, masterKey: MasterKey): SealedSecret {
  return sealSecret(JSON.stringify(letter), masterKey, mailBinding(id, VERSION), VERSION);
}

/** @throws VaultError when no master key is the one that sealed it. */
export function openLetter(
  id: Uuid,
  sealed: Pick<SealedSecret, 'ciphertext' | 'nonce'>,
  masterKey: MasterKey,
): Letter {
  const bytes = openSecret(sealed, masterKey, mailBinding(id, VERSION));
  try {
    return letterSchema.parse(JSON.parse(bytes.toString('utf8')));
  } finally {
    bytes.fill(0);
  }
}
