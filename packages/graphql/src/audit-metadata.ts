import { redactText } from '@weir/service/redaction';

/** What else is to be known of an event: plain values, lists and objects. Undefined members are left out. */
export type AuditMetadata = Readonly<Record<string, unknown>>;

/** Characters of one text; what is longer ends in an ellipsis. */
const TEXT_MAX = 256;
const ITEMS_MAX = 50;
const DEPTH_MAX = 6;
/** Characters of all of it; beyond it only the names of its members are kept. */
const SIZE_MAX = 8_192;

/** A text or number under such a name would be a secret, so it is not written. Counts of tokens are none. */
const SECRET_NAME =
  /(^|[a-z_])(passwords?|passphrase|secrets?|token|otp|private_?key|cookie|authorization|recovery_?codes?)$/i;

/**
 * JSON in one way only, for the trail hashes it: members sorted by name, no spaces, whole numbers as they are and all
 * others as text. Secrets are left out by their name and by their look.
 */
export function auditMetadata(metadata: AuditMetadata): string {
  const text = canonical(metadata, 0);
  if (text.length <= SIZE_MAX) return text;
  return canonical({ members: Object.keys(metadata).sort(), shortened: true }, 0);
}

/**
 * The members that a change gave another value, each with the value before and after.
 * @param members Those that may be told; anything secret stays out of it.
 */
export function changesOf<Thing extends object>(
  before: Thing,
  after: Thing,
  members: readonly (keyof Thing & string)[],
): AuditMetadata {
  const changed = members.filter((name) => canonical(before[name], 0) !== canonical(after[name], 0));
  return Object.fromEntries(changed.map((name) => [name, { from: before[name], to: after[name] }]));
}

/** As it may stand in the trail: bounded, without secrets that can be recognised and without what Postgres refuses. */
export function auditText(text: string, lengthMax: number = TEXT_MAX): string {
  const clean = redactText(text.replaceAll('\0', '').toWellFormed());
  return clean.length <= lengthMax ? clean : `${clean.slice(0, lengthMax - 1).toWellFormed()}…`;
}

function canonical(value: unknown, depth: number): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isSafeInteger(value)))
    return String(value);
  if (typeof value === 'number' || typeof value === 'bigint') return JSON.stringify(String(value));
  if (typeof value === 'string') return JSON.stringify(auditText(value));
  if (value instanceof Date) return JSON.stringify(value.toISOString());
  if (typeof value !== 'object' || depth >= DEPTH_MAX) return '"…"';
  if (Array.isArray(value)) {
    const items = value.slice(0, ITEMS_MAX).map((item) => canonical(item, depth + 1));
    return `[${[...items, ...(value.length > ITEMS_MAX ? ['"…"'] : [])].join(',')}]`;
  }
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  members.sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${members.map(([name, member]) => memberOf(name, member, depth)).join(',')}}`;
}

function memberOf(name: string, value: unknown, depth: number): string {
  const isSecret = SECRET_NAME.test(name) && (typeof value === 'string' || typeof value === 'number');
  return `${JSON.stringify(auditText(name))}:${isSecret ? '"[redacted]"' : canonical(value, depth + 1)}`;
}
