import type { IncomingHttpHeaders } from 'node:http';

/**
 * What a client's request may say to the provider. Everything else stays here: our key, cookies, forwarding headers,
 * the client's own provider accounts, and whatever a future client invents.
 */
const FORWARDED = ['accept', 'openai-beta'] as const;

export interface ProviderCredential {
  readonly name: string;
  readonly value: string;
}

/** The headers of the provider's request, as a flat list of names and values. */
export function providerRequestHeaders(
  client: IncomingHttpHeaders,
  credential: ProviderCredential,
  attemptId: string,
): string[] {
  const headers = [
    credential.name,
    credential.value,
    'content-type',
    'application/json',
    'user-agent',
    'weir',
    // A compressed answer could be forwarded but not read, and its usage would have to be guessed.
    'accept-encoding',
    'identity',
    // Lets an attempt be found again in the provider's own records.
    'x-client-request-id',
    attemptId,
  ];
  for (const name of FORWARDED) {
    const value = client[name];
    if (typeof value === 'string') headers.push(name, value);
  }
  return headers;
}
