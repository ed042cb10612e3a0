import { commonPasswords } from './common-passwords.ts';
import { guessabilityBits } from './guessability.ts';

/** What an organization demands of the passwords of its members. */
export interface PasswordPolicy {
  /** Characters. */
  readonly lengthMin: number;
}

export const DEFAULT_PASSWORD_POLICY: PasswordPolicy = { lengthMin: 12 };

/** Longer input is no password, and hashing it would cost. */
export const PASSWORD_LENGTH_MAX = 1_024;

/** About 10^10 guesses. */
const BITS_MIN = 33;
const OWN_WORD_LENGTH_MIN = 3;
/** Of a long password the beginning decides; the estimate takes time for every character. */
const JUDGED_LENGTH_MAX = 128;

function wordsOf(texts: readonly string[]): ReadonlySet<string> {
  const words = texts.flatMap((text) =>
    text
      .normalize('NFKC')
      .toLowerCase()
      .split(/[^\p{L}\p{N}]+/u),
  );
  return new Set(words.filter((word) => word.length >= OWN_WORD_LENGTH_MIN));
}

/**
 * Whether somebody may have a password from now on: undefined when they may, else a sentence that says what to do.
 * Every way to set a password asks this one, and answers with the code WEAK_PASSWORD.
 * @param about What others know of the person: address, names, the organization's name and slug.
 */
export async function checkNewPassword(
  password: string,
  about: readonly string[],
  policy: PasswordPolicy = DEFAULT_PASSWORD_POLICY,
): Promise<string | undefined> {
  if (password.length > PASSWORD_LENGTH_MAX) {
    return `Choose a password of at most ${PASSWORD_LENGTH_MAX} characters.`;
  }
  const lengthMin = Math.max(policy.lengthMin, DEFAULT_PASSWORD_POLICY.lengthMin);
  if ([...password.normalize('NFC')].length < lengthMin) {
    return `Choose a password of at least ${lengthMin} characters.`;
  }
  const judged = password.slice(0, JUDGED_LENGTH_MAX);
  if (guessabilityBits(judged, await commonPasswords(), wordsOf(about)) < BITS_MIN) {
    return 'This password is among the first that are guessed. Choose several unrelated words, or let a password manager choose.';
  }
  return undefined;
}
