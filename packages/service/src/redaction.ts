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
 * A copy with secret members replaced and bigints as strings, at any depth; the value itself where nothing had to
 * change, which is the usual case and costs no allocation.
 */
export function redactFields(value: unknown, depth = 0): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null || value instanceof Error) return value;
  if (depth >= DEPTH_MAX) return '[too deep]';
  if (Array.isArray(value)) return redactItems(value, depth);
  if (!isPlain(value)) return value;
  let copy: Record<string, unknown> | undefined;
  for (const [name, member] of Object.entries(value)) {
    const safe = isSecret(name) && member !== undefined ? REDACTED : redactFields(member, depth + 1);
    if (safe !== member) {
      copy ??= { ...value };
      copy[name] = safe;
    }
  }
  return copy ?? value;
}

function redactItems(items: readonly unknown[], depth: number): readonly unknown[] {
  const safe = items.map((item) => redactFields(item, depth + 1));
  return safe.some((item, index) => item !== items[index]) ? safe : items;
}

function isPlain(value: object): boolean {
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
