import type { Brand } from './brand.ts';
import { hexOf, randomByte, randomHex } from './random-hex.ts';

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

/** State of `newUuid`: the text of the last millisecond and the counter that orders ids within it. */
let lastMs = Number.NaN;
let timeText = '';
let counter = 0;
const COUNTER_MAX = 0xfff;

/**
 * A new UUIDv7: 48 bits of Unix milliseconds, a 12-bit counter that starts at a random value below 2048 in each
 * millisecond, 62 random bits. Ids minted by one process in the same millisecond therefore sort in the order of
 * minting (at least 2048 of them; beyond that the counter starts over and only their order is lost).
 * @param nowMs Unix milliseconds; a parameter so that callers with a clock of their own (tests, replays) decide it.
 */
export function newUuid(nowMs: number = Date.now()): Uuid {
  const wholeMs = Math.floor(nowMs);
  if (wholeMs !== lastMs) {
    lastMs = wholeMs;
    const hex = wholeMs.toString(16).padStart(12, '0');
    timeText = `${hex.slice(0, 8)}-${hex.slice(8)}-`;
    counter = ((randomByte() & 0x07) << 8) | randomByte();
  } else {
    counter = counter === COUNTER_MAX ? 0 : counter + 1;
  }
  const ordered = hexOf(0x70 | (counter >> 8)) + hexOf(counter & 0xff);
  const variant = hexOf(0x80 | (randomByte() & 0x3f)) + hexOf(randomByte());
  return (timeText + ordered + '-' + variant + '-' + randomHex(6)) as Uuid;
}

/** Unix milliseconds at which a UUIDv7 was minted. */
export function uuidTimeMs(id: Uuid): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** The public form of an id, for example `org_01jd3q9v0k8r9s2t3v4w5x6y7z`. */
export function encodeId(kind: IdKind, id: Uuid): string {
  const hex = id.slice(0, 8) + id.slice(9, 13) + id.slice(14, 18) + id.slice(19, 23) + id.slice(24);
  // The first three bits stand alone, so that the other 125 are 25 whole characters: five words of 25 bits.
  let text = ALPHABET.charAt(Number.parseInt(hex.charAt(0), 16) >> 1);
  for (let bit = 3; bit < 128; bit += 25) text += base32OfWord(bitsAt(hex, bit));
  return `${ID_PREFIXES[kind]}_${text}`;
}

/** 25 bits of a number in hexadecimal, beginning at a bit counted from the left. */
function bitsAt(hex: string, bit: number): number {
  const digit = bit >> 2;
  const tail = 32 - 25 - (bit & 3);
  return (Number.parseInt(hex.slice(digit, digit + 8).padEnd(8, '0'), 16) >>> tail) & 0x1ffffff;
}

/** All pairs of characters, because joining three texts is cheaper than joining five; every request has an id. */
const PAIRS = [...ALPHABET].flatMap((first) => [...ALPHABET].map((second) => first + second));

function base32OfWord(word: number): string {
  return (PAIRS[word >>> 15] ?? '') + (PAIRS[(word >>> 5) & 1023] ?? '') + ALPHABET.charAt(word & 31);
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
