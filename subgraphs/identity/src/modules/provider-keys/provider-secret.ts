import { createPrivateKey } from 'node:crypto';
import { serviceAccountSchema, type ProviderKind } from '@weir/contracts/provider-config';
import { err, ok, type Result } from '@weir/kernel/result';

const LENGTH_MIN = 20;
const LENGTH_MAX = 4_096;
/** Key files of Google have about 2,400 bytes. */
const FILE_LENGTH_MAX = 16_384;
const HINT_LENGTH = 4;

/** A secret that may be sealed. */
export interface CheckedSecret {
  readonly secret: string;
  /** What may be shown of it; null for a key file, whose end is the same for everybody. */
  readonly hint: string | null;
  /** An address within the secret that is called with it. */
  readonly tokenUrl: string | null;
}

/** The error is a sentence for whoever wrote the secret and holds nothing of it. */
export function checkProviderSecret(provider: ProviderKind, text: string): Result<CheckedSecret, string> {
  const secret = text.trim();
  return provider === 'vertex' ? checkServiceAccount(secret) : checkToken(secret);
}

function checkToken(secret: string): Result<CheckedSecret, string> {
  if (secret.length < LENGTH_MIN || secret.length > LENGTH_MAX) {
    return err(`The secret must have ${LENGTH_MIN} to ${LENGTH_MAX} characters.`);
  }
  if (!/^[\x21-\x7e]+$/.test(secret)) {
    return err(
      'The secret must consist of printable ASCII characters without spaces, as a header carries it.',
    );
  }
  return ok({ secret, hint: secret.slice(-HINT_LENGTH), tokenUrl: null });
}

function checkServiceAccount(text: string): Result<CheckedSecret, string> {
  const parsed = text.length > FILE_LENGTH_MAX ? undefined : serviceAccountSchema.safeParse(parseJson(text));
  if (!parsed?.success) {
    return err(
      "The secret must be the JSON of a service account's key file, with type, client_email and private_key.",
    );
  }
  try {
    createPrivateKey(parsed.data.private_key);
  } catch {
    return err('The private_key in the key file is not a private key in PEM.');
  }
  return ok({ secret: text, hint: null, tokenUrl: parsed.data.token_uri });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
