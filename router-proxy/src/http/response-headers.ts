/** What a provider's answer may say to the client. Cookies, credentials, account names and limits of ours stay here. */
const FORWARDED = [
  'content-type',
  'content-encoding',
  'content-language',
  'openai-model',
  'openai-processing-ms',
  'openai-version',
] as const;

export type ProviderHeaders = Readonly<Record<string, string | string[] | undefined>>;

/**
 * Appends the headers that pass, as a flat list of names and values.
 * @param isVerbatim Whether the body stays as long as the provider says.
 */
export function appendProviderHeaders(
  headers: string[],
  provider: ProviderHeaders,
  isVerbatim: boolean,
): void {
  for (const name of FORWARDED) {
    const value = provider[name];
    if (typeof value === 'string') headers.push(name, value);
  }
  const length = provider['content-length'];
  if (isVerbatim && typeof length === 'string') headers.push('content-length', length);
}

/** How long the provider says its body is; null where it does not. */
export function announcedBytes(provider: ProviderHeaders): number | null {
  const length = provider['content-length'];
  const bytes = typeof length === 'string' ? Number(length) : Number.NaN;
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** Media types are the same in capitals. */
const EVENT_STREAM = /^text\/event-stream/i;

export function isEventStream(provider: ProviderHeaders): boolean {
  const type = provider['content-type'];
  return typeof type === 'string' && EVENT_STREAM.test(type);
}

/** A compressed body can be forwarded but not read. */
export function isReadable(provider: ProviderHeaders): boolean {
  const encoding = provider['content-encoding'];
  return encoding === undefined || encoding === 'identity';
}
