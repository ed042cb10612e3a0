/** Where one member of a JSON object lies in its text: byte offsets, ends exclusive. The key includes its quotes. */
export interface Member {
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * The members of the object that starts at `start` (white space before it is skipped), in order, duplicates included.
 * Keys are not decoded, and values not looked into, so numbers of any size and strings with any escape stay what they are.
 * @returns Undefined when there is no complete object. Text that is no JSON may give members; validate it before.
 */
export function objectMembers(text: Buffer, start = 0): readonly Member[] | undefined {
  const members: Member[] = [];
  let at = skipSpace(text, start);
  if (text[at] !== OPEN_BRACE) return undefined;
  at = skipSpace(text, at + 1);
  if (text[at] === CLOSE_BRACE) return members;
  while (text[at] === QUOTE) {
    const keyEnd = skipString(text, at);
    const colon = skipSpace(text, keyEnd);
    if (text[colon] !== COLON) return undefined;
    const valueStart = skipSpace(text, colon + 1);
    const valueEnd = skipValue(text, valueStart);
    if (valueEnd === valueStart) return undefined;
    members.push({ keyStart: at, keyEnd, valueStart, valueEnd });
    at = skipSpace(text, valueEnd);
    if (text[at] === CLOSE_BRACE) return members;
    if (text[at] !== COMMA) return undefined;
    at = skipSpace(text, at + 1);
  }
  return undefined;
}

function skipSpace(text: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    const byte = text[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at++;
  }
}

/** A string that is longer is searched for its end, which beats looking at each byte as soon as the call is paid for. */
const NEAR_BYTES = 64;

/** @returns The offset after the closing quote, or the end of the text where there is none. */
function skipString(text: Uint8Array, from: number): number {
  const near = Math.min(from + NEAR_BYTES, text.length);
  let at = from + 1;
  for (; at < near; at++) {
    const byte = text[at];
    if (byte === BACKSLASH) at++;
    else if (byte === QUOTE) return at + 1;
  }
  return skipLongString(text, at);
}

/** @param from Inside the string and not behind a backslash. */
function skipLongString(text: Uint8Array, from: number): number {
  for (let at = text.indexOf(QUOTE, from); at !== -1; at = text.indexOf(QUOTE, at + 1)) {
    let first = at;
    while (first > from && text[first - 1] === BACKSLASH) first--;
    // An even number of backslashes are escaped ones, an odd number escapes the quote.
    if ((at - first) % 2 === 0) return at + 1;
  }
  return text.length;
}

function skipValue(text: Uint8Array, from: number): number {
  const first = text[from];
  if (first === QUOTE) return skipString(text, from);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return skipContainer(text, from);
  let at = from;
  while (at < text.length && !endsScalar(text[at])) at++;
  return at;
}

function skipContainer(text: Uint8Array, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const byte = text[at];
    if (byte === QUOTE) at = skipString(text, at) - 1;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) return at + 1;
  }
  return from;
}

function endsScalar(byte: number | undefined): boolean {
  return (
    byte === COMMA ||
    byte === CLOSE_BRACE ||
    byte === CLOSE_BRACKET ||
    byte === 0x20 ||
    byte === 0x0a ||
    byte === 0x0d ||
    byte === 0x09
  );
}

/** The last of the members of that name, which is the one that counts. */
export function memberNamed(text: Buffer, members: readonly Member[], name: string): Member | undefined {
  for (let index = members.length - 1; index >= 0; index--) {
    const member = members[index];
    if (member && isNamed(text, member, name)) return member;
  }
  return undefined;
}

/** A key may be written with escapes (`"mod\u0065l"`); whoever looks for `model` must find it all the same. */
function isNamed(text: Buffer, member: Member, name: string): boolean {
  const start = member.keyStart + 1;
  const end = member.keyEnd - 1;
  // No character takes less than a byte.
  if (end - start < name.length) return false;
  for (let at = start; at < end; at++) {
    const byte = text[at] ?? 0;
    if (byte === BACKSLASH || byte > 0x7f) return keyOf(text, member) === name;
    if (byte !== name.charCodeAt(at - start)) return false;
  }
  return true;
}

/** What a member is called; undefined where its key is no JSON text. */
export function keyOf(text: Buffer, { keyStart, keyEnd }: Member): string | undefined {
  try {
    const key: unknown = JSON.parse(text.toString('utf8', keyStart, keyEnd));
    return typeof key === 'string' ? key : undefined;
  } catch {
    return undefined;
  }
}
