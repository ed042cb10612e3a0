/** Passwords that many people have, by their rank: the first one guessed has rank 1. Lower case. */
export type CommonPasswords = ReadonlyMap<string, number>;

/** Shorter ones are inside of everything. */
const LENGTH_MIN = 4;

let loading: Promise<CommonPasswords> | undefined;

async function load(): Promise<CommonPasswords> {
  const { dictionary } = await import('@zxcvbn-ts/language-common');
  const ranked = dictionary['passwords-common'].map((password, index) => [password, index + 1] as const);
  return new Map(ranked.filter(([password]) => password.length >= LENGTH_MIN));
}

/** Some 49,000 passwords of known breaches, from a list that ships. Read when the first password is chosen, and kept. */
export function commonPasswords(): Promise<CommonPasswords> {
  return (loading ??= load());
}
