/** Keeps credentials, prompts and answers out of logs: by the name of a field, and by the look of a text. */
const REDACTED = '[redacted]';

/** Compared without case, hyphens and underscores: `X-API-Key`, `apiKey` and `api_key` are one name. */
const SECRET_NAMES = new Set([
  'authorization',
  'proxyauthorization',
  'xapikey',
  'apikey',
  'xweiridentity',
  'cookie',
  'setcookie',
  'password',
  'passphrase',
  'secret',
  'token',
  'accesstoken',
  'refreshtoken',
  'masterkey',
  'internalsecret',
  'weirmasterkey',
  'weirinternalsecret',
  'prompt',
  'messages',
]);

const isSecretName = new Map<string, boolean>();
const NAMES_MAX = 4096;
/** Deeper values are left out: a log line is a record, not a dump. */
const DEPTH_MAX = 6;

/**
 * A copy with secret members replaced and bigints as strings, at any depth; the record itself where nothing had to
 * change, which is the usual case and costs no allocation.
 */
export function redactRecord(record: Record<string, unknown>, depth = 0): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined;
  // for-in rather than Object.entries: this runs over every field of every request's line.
  for (const name in record) {
    const member = record[name];
    if (member === undefined || member === null || typeof member === 'boolean') continue;
    const safe = isSecret(name) ? REDACTED : redactValue(member, depth + 1);
    if (safe !== member) {
      copy ??= { ...record };
      copy[name] = safe;
    }
  }
  return copy ?? record;
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null || value instanceof Error) return value;
  if (depth >= DEPTH_MAX) return '[too deep]';
  if (Array.isArray(value)) return redactItems(value, depth);
  return isPlain(value) ? redactRecord(value, depth) : value;
}

function redactItems(items: readonly unknown[], depth: number): readonly unknown[] {
  const safe = items.map((item) => redactValue(item, depth + 1));
  return safe.some((item, index) => item !== items[index]) ? safe : items;
}

function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isSecret(name: string): boolean {
  const known = isSecretName.get(name);
  if (known !== undefined) return known;
  const answer = SECRET_NAMES.has(name.toLowerCase().replaceAll(/[-_]/g, ''));
  if (isSecretName.size >= NAMES_MAX) isSecretName.clear();
  isSecretName.set(name, answer);
  return answer;
}

const SECRETS_IN_TEXT =
  /(:\/\/[^\s"':@/]*):[^\s"'@/]+@|\b(sk-[A-Za-z]{0,4})[\w-]{16,}|\b(Bearer )[\w.~+/=-]{8,}/g;

/** Passwords in URLs, API keys and bearer tokens that slipped into a text, for example a driver's error message. */
export function redactText(text: string): string {
  if (!text.includes('://') && !text.includes('sk-') && !text.includes('Bearer ')) return text;
  return text.replace(SECRETS_IN_TEXT, replaceSecret);
}

function replaceSecret(_: string, url?: string, key?: string, bearer?: string): string {
  if (url !== undefined) return `${url}:${REDACTED}@`;
  return `${key ?? bearer ?? ''}${REDACTED}`;
}
