/** Finds top-level members of one JSON object while it passes, keeping nothing but those that are wanted. */
export interface MemberScanner {
  push(chunk: Buffer): void;
  /** The member's value; undefined where it did not come, was too long or is no JSON. Of several the last counts. */
  value(name: string): unknown;
  /** How many objects the list of the counted member holds. */
  readonly objects: number;
}

/** A usage object has a few hundred bytes. */
const VALUE_BYTES_MAX = 65_536;
const KEY_BYTES_MAX = 64;
/** Up to here looking at each byte is cheaper than a search. */
const SHORT_TEXT_BYTES = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Bytes outside of texts that mean something; numbers and white space are run over. */
const STRUCTURE = new Uint8Array(256);
for (const byte of Buffer.from('"{}[]:,')) STRUCTURE[byte] = 1;

/**
 * Answers with images or embeddings are far larger than what they say of their usage, so they are scanned and not
 * kept.
 * @param wanted Names of the members to keep. @param counted Name of a list whose objects are counted.
 */
export function createMemberScanner(wanted: readonly string[], counted?: string): MemberScanner {
  const values = new Map<string, Buffer>();
  const lengths = new Set(
    [...wanted, ...(counted === undefined ? [] : [counted])].map((name) => name.length),
  );
  let depth = 0;
  let isInText = false;
  let isEscaped = false;
  /** The next text at depth 1 is a key. */
  let isKey = false;
  let key = '';
  let keyParts: Buffer[] = [];
  let keyBytes = 0;
  let captured: Buffer[] | null = null;
  let capturedBytes = 0;
  let objects = 0;

  function capture(part: Buffer): void {
    capturedBytes += part.length;
    if (capturedBytes > VALUE_BYTES_MAX) captured = null;
    captured?.push(part);
  }

  function store(): void {
    if (!captured) return;
    const [only] = captured;
    values.set(key, captured.length === 1 && only ? only : Buffer.concat(captured));
  }

  function endValue(chunk: Buffer, from: number, end: number): void {
    if (!captured) return;
    capture(chunk.subarray(from, end));
    store();
    captured = null;
  }

  function keepKey(part: Buffer): void {
    keyBytes += part.length;
    if (keyBytes <= KEY_BYTES_MAX) keyParts.push(part);
  }

  /** Only a key of a length that is looked for is worth reading. */
  function endKey(chunk: Buffer, from: number, end: number): void {
    isKey = false;
    if (keyBytes === 0) {
      key = lengths.has(end - from) ? chunk.toString('latin1', from, end) : '';
      return;
    }
    keepKey(chunk.subarray(from, end));
    key = keyBytes > KEY_BYTES_MAX ? '' : Buffer.concat(keyParts).toString('latin1');
    keyParts = [];
    keyBytes = 0;
  }

  /** @param from Where a key or a value within this chunk begins. @returns Where the next one does. */
  function structure(chunk: Buffer, at: number, from: number): number {
    switch (chunk[at]) {
      case QUOTE:
        isInText = true;
        return isKey && depth === 1 ? at + 1 : from;
      case 0x7b: // {
      case 0x5b: // [
        if (depth === 2 && key === counted && chunk[at] === 0x7b) objects++;
        depth++;
        if (depth === 1) isKey = chunk[at] === 0x7b;
        return from;
      case 0x7d: // }
      case 0x5d: // ]
        if (depth === 1) endValue(chunk, from, at);
        depth--;
        return from;
      case 0x2c: // ,
        if (depth !== 1) return from;
        endValue(chunk, from, at);
        isKey = true;
        return from;
      default: // :
        if (depth !== 1) return from;
        captured = wanted.includes(key) ? [] : null;
        capturedBytes = 0;
        return at + 1;
    }
  }

  return {
    get objects() {
      return objects;
    },
    push(chunk) {
      const { length } = chunk;
      let from = 0;
      let at = isEscaped ? 1 : 0;
      if (length > 0) isEscaped = false;
      while (at < length) {
        if (isInText) {
          const end = endOfText(chunk, at);
          if (end >= length) {
            isEscaped = end > length;
            break;
          }
          isInText = false;
          if (isKey && depth === 1) endKey(chunk, from, end);
          at = end + 1;
        } else {
          while (at < length && STRUCTURE[chunk[at] ?? 0] === 0) at++;
          if (at < length) from = structure(chunk, at++, from);
        }
      }
      if (captured) capture(chunk.subarray(from));
      else if (isKey && isInText && depth === 1) keepKey(chunk.subarray(from));
    },
    value(name) {
      const bytes = values.get(name);
      if (!bytes) return undefined;
      try {
        const value: unknown = JSON.parse(bytes.toString('utf8'));
        return value;
      } catch {
        return undefined;
      }
    },
  };
}

/**
 * The place of the quote that ends the text. The chunk's length where it does not end in this chunk, and one more where
 * the chunk ends with a backslash, whose second half is in the next.
 */
function endOfText(chunk: Buffer, start: number): number {
  const { length } = chunk;
  const shortEnd = Math.min(length, start + SHORT_TEXT_BYTES);
  let at = start;
  for (; at < shortEnd; at++) {
    const byte = chunk[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  if (at >= length) return at;
  const quote = chunk.indexOf(QUOTE, at);
  const end = quote === -1 ? length : quote;
  const slash = chunk.indexOf(BACKSLASH, at);
  if (slash === -1 || slash > end) return end;
  for (at = slash; at < length; at++) {
    const byte = chunk[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  return at;
}
