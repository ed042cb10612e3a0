/** A secret, under the name by which a finding tells it. */
export interface Canary {
  readonly name: string;
  readonly secret: string | Buffer;
}

/** Where something was found that must be nowhere: `canary in place`. */
export type FindCanaries = (place: string, text: string) => string[];

/** Looks for secrets as they are and in the encodings in which they could hide. */
export function createCanarySearch(canaries: readonly Canary[]): FindCanaries {
  const forms = canaries.flatMap(({ name, secret }) => {
    const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret;
    const encoded = [bytes.toString('hex'), bytes.toString('base64'), bytes.toString('base64url')];
    const plain =
      typeof secret === 'string' ? [secret, encodeURIComponent(secret)] : [bytes.toString('latin1')];
    // Padding and the last character depend on what follows the secret.
    return [...plain, ...encoded.map((text) => text.replace(/=+$/, '').slice(0, -1))].map((form) => ({
      name,
      form,
    }));
  });
  return (place, text) => [
    ...new Set(forms.filter(({ form }) => text.includes(form)).map(({ name }) => `${name} in ${place}`)),
  ];
}
