import type { Brand } from './brand.ts';
import { randomByte } from './random-hex.ts';

/**
 * Inside the platform an id is a UUIDv7 (native `uuid` in Postgres, ordered by time). Outside it is
 * `<prefix>_<26 characters of Crockford base32>`, so that an id of one kind passed where another is wanted is
 * refused with a sentence that names both kinds.
 */
export const ID_PREFIXES = {
  organization: 'org',
  organizationChange: 'och',
  account: 'acc',
  user: 'usr',
  membership: 'mem',
  role: 'rol',
  invitation: 'inv',
  session: 'ses',
  impersonation: 'imp',
  passkey: 'psk',
  oauthClient: 'oac',
  oidcProvider: 'oip',
  apiKey: 'key',
  providerKey: 'pvk',
  model: 'mod',
  price: 'prc',
  budget: 'bud',
  budgetAlert: 'alr',
  creditLot: 'lot',
  auditEvent: 'aud',
  auditExport: 'aex',
  request: 'req',
  attempt: 'att',
} as const;

export type IdKind = keyof typeof ID_PREFIXES;

/** A lower-case hyphenated UUID. */
export type Uuid = Brand<string, 'Uuid'>;

const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'.toLowerCase();
const VALUES = new Map([...ALPHABET].map((character, value) => [character, BigInt(value)]));

export function isUuid(text: string): text is Uuid {
  return UUID_PATTERN.test(text);
}

export function parseUuid(text: string): Uuid {
  const lower = text.toLowerCase();
  if (!isUuid(lower)) throw new TypeError(`not a UUID: ${text.slice(0, 64)}`);
  return lower;
}

/** The character codes of the sixteen hexadecimal digits, and of a UUID that `newUuid` fills in; the hyphens stay. */
const HEX_CODES = codesOf('0123456789abcdef');
const uuidCodes = codesOf('00000000-0000-7000-8000-000000000000');

function codesOf(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}

/** State of `newUuid`: the last millisecond, whose digits are in place, and the counter that orders ids within it. */
let lastMs = Number.NaN;
let counter = 0;
const COUNTER_MAX = 0xfff;

/**
 * A new UUIDv7: 48 bits of Unix milliseconds, a 12-bit counter that starts at a random value below 2048 in each
 * millisecond, 62 random bits. Ids minted by one process in the same millisecond therefore sort in the order of
 * minting (at least 2048 of them; beyond that the counter starts over and only their order is lost).
 *
 * Made of codes at once, because a text put together from pieces is copied when it is first looked up.
 * @param nowMs Unix milliseconds; a parameter so that callers with a clock of their own (tests, replays) decide it.
 */
export function newUuid(nowMs: number = Date.now()): Uuid {
  const wholeMs = Math.floor(nowMs);
  if (wholeMs !== lastMs) {
    lastMs = wholeMs;
    placeTime(wholeMs);
    counter = ((randomByte() & 0x07) << 8) | randomByte();
  } else {
    counter = counter === COUNTER_MAX ? 0 : counter + 1;
  }
  placeByte(14, 0x70 | (counter >> 8));
  placeByte(16, counter & 0xff);
  placeByte(19, 0x80 | (randomByte() & 0x3f));
  placeByte(21, randomByte());
  for (let at = 24; at < 36; at += 2) placeByte(at, randomByte());
  return String.fromCharCode(...uuidCodes) as Uuid;
}

function placeTime(wholeMs: number): void {
  const [high, low] = [Math.floor(wholeMs / 0x1000000), wholeMs % 0x1000000];
  placeByte(0, high >> 16);
  placeByte(2, (high >> 8) & 0xff);
  placeByte(4, high & 0xff);
  placeByte(6, low >> 16);
  placeByte(9, (low >> 8) & 0xff);
  placeByte(11, low & 0xff);
}

/** Two digits of a UUID. */
function placeByte(at: number, byte: number): void {
  uuidCodes[at] = HEX_CODES[byte >> 4] ?? 0;
  uuidCodes[at + 1] = HEX_CODES[byte & 0x0f] ?? 0;
}

/** Unix milliseconds at which a UUIDv7 was minted. */
export function uuidTimeMs(id: Uuid): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

const ALPHABET_CODES = codesOf(ALPHABET);
const publicCodes = codesOf('0'.repeat(26));
const HYPHEN = 45;

/** The public form of an id, for example `org_01jd3q9v0k8r9s2t3v4w5x6y7z`. */
export function encodeId(kind: IdKind, id: Uuid): string {
  // The first character stands for three bits alone, so that the other 125 are 25 whole characters.
  let bits = 2;
  let pending = 0;
  let at = 0;
  for (let index = 0; index < id.length; index++) {
    const code = id.charCodeAt(index);
    if (code === HYPHEN) continue;
    pending = ((pending << 4) | valueOfHex(code)) & 0xff;
    bits += 4;
    if (bits < 5) continue;
    bits -= 5;
    publicCodes[at++] = ALPHABET_CODES[(pending >> bits) & 31] ?? 0;
  }
  return `${ID_PREFIXES[kind]}_${String.fromCharCode(...publicCodes)}`;
}

/** @param code Of `0` to `9` or `a` to `f`. */
function valueOfHex(code: number): number {
  return code < 58 ? code - 48 : code - 87;
}

/** Undefined when the text is not an id of that kind; the caller says which kind it wanted. */
export function decodeId(kind: IdKind, text: string): Uuid | undefined {
  const prefix = `${ID_PREFIXES[kind]}_`;
  if (!text.startsWith(prefix) || text.length !== prefix.length + 26) return undefined;
  let value = 0n;
  for (const character of text.slice(prefix.length)) {
    const digit = VALUES.get(character);
    if (digit === undefined) return undefined;
    value = (value << 5n) | digit;
  }
  if (value >= 1n << 128n) return undefined;
  const hex = value.toString(16).padStart(32, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as Uuid;
}
