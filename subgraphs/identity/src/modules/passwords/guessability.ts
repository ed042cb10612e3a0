import type { CommonPasswords } from './common-passwords.ts';

/** What a character costs that follows from nothing; people choose letters and digits far from evenly. */
const CHARACTER_BITS = Math.log2(10);
/** What a character costs that goes on with a run, such as `aaa`, `abc` or `321`. */
const RUN_BITS = 0.5;
/** What a word costs that whoever knows the person tries first. */
const OWN_WORD_BITS = 1;
const WORD_LENGTH_MAX = 24;

const LEET: Readonly<Record<string, string>> = {
  '@': 'a', '4': 'a', '8': 'b', '3': 'e', '6': 'g', '1': 'i', '!': 'i', '0': 'o', '5': 's', $: 's', '7': 't',
}; // prettier-ignore

function withoutLeet(text: string): string {
  return [...text].map((character) => LEET[character] ?? character).join('');
}

/** Whether the third of three characters is as far from the second as the second is from the first, at most one step. */
function goesOn(text: string, at: number): boolean {
  if (at < 2) return false;
  const step = text.charCodeAt(at) - text.charCodeAt(at - 1);
  return Math.abs(step) <= 1 && step === text.charCodeAt(at - 1) - text.charCodeAt(at - 2);
}

/** The cheapest way to put the text together from words, runs and single characters. */
function cheapest(text: string, common: CommonPasswords, ownWords: ReadonlySet<string>): number {
  const bitsUntil = [0];
  for (let end = 1; end <= text.length; end++) {
    let best = (bitsUntil[end - 1] ?? 0) + (goesOn(text, end - 1) ? RUN_BITS : CHARACTER_BITS);
    for (let start = Math.max(0, end - WORD_LENGTH_MAX); start < end; start++) {
      const word = text.slice(start, end);
      const rank = common.get(word);
      const bits = ownWords.has(word) ? OWN_WORD_BITS : rank === undefined ? Infinity : Math.log2(rank + 1);
      best = Math.min(best, (bitsUntil[start] ?? 0) + bits);
    }
    bitsUntil.push(best);
  }
  return bitsUntil[text.length] ?? 0;
}

/**
 * How many bits it takes to guess a password when words are tried by how common they are. An estimate from below: it
 * tells what falls to a list from what does not.
 * @param ownWords Lower case: the person's names and the parts of their address.
 */
export function guessabilityBits(
  password: string,
  common: CommonPasswords,
  ownWords: ReadonlySet<string>,
): number {
  const text = password.normalize('NFKC').toLowerCase();
  const repeated = /^(.+?)\1+$/su.exec(text)?.[1];
  const once = repeated ?? text;
  return Math.min(cheapest(once, common, ownWords), cheapest(withoutLeet(once), common, ownWords) + 1);
}
