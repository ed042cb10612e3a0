import type { IncomingHttpHeaders } from 'node:http';
import type { ProviderCredential } from '../upstream/credentials.ts';
import type { ProviderCall } from '../upstream/providers/provider.ts';

/**
 * The headers of the provider's request, as a flat list of names and values: ours, and of the client's those that the
 * provider's adapter names. Everything else stays here: our key, cookies, forwarding headers, the client's own
 * provider accounts, and whatever a future client invents.
 */
export function providerRequestHeaders(
  client: IncomingHttpHeaders,
  call: Pick<ProviderCall, 'forwarded' | 'headers'>,
  credential: ProviderCredential,
  attemptId: string,
  upload: { readonly contentType: string; readonly length: number | null } | null = null,
): string[] {
  const headers = [
    credential.name,
    credential.value,
    'content-type',
    // The boundary of a form is the client's own.
    upload?.contentType ?? 'application/json',
    'user-agent',
    'weir',
    // A compressed answer could be forwarded but not read, and its usage would have to be guessed.
    'accept-encoding',
    'identity',
    // Lets an attempt be found again in the provider's own records.
    'x-client-request-id',
    attemptId,
  ];
  for (const name of call.forwarded) {
    const value = client[name];
    if (typeof value === 'string') headers.push(name, value);
  }
  for (let at = 0; at + 1 < call.headers.length; at += 2) {
    const name = call.headers[at] ?? '';
    if (call.forwarded.includes(name) && typeof client[name] === 'string') continue;
    headers.push(name, call.headers[at + 1] ?? '');
  }
  if (typeof upload?.length === 'number') headers.push('content-length', String(upload.length));
  return headers;
}
