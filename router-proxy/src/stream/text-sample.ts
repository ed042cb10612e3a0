/** Text of which the tokens may have to be counted: as much of it as is kept, and how much there was. */
export interface SampledText {
  readonly text: string;
  /** How often the kept text stands for all of it: 1, or more where only its beginning was kept. */
  readonly scale: number;
}

/** Collects the beginning of a text that passes in pieces, as it stands in JSON. */
export interface TextSample {
  /** @param data Holds the inside of a JSON text in the bytes [start, end). */
  add(data: Buffer, start: number, end: number): void;
  read(): SampledText;
}

/** What every running stream may keep; longer answers are counted by their beginning. */
const BYTES_MAX = 16_384;
const BYTES_FIRST = 512;

export const NO_TEXT: SampledText = { text: '', scale: 1 };

export function createTextSample(): TextSample {
  let kept: Buffer | null = null;
  let keptBytes = 0;
  let bytes = 0;

  function room(wanted: number): Buffer {
    const current = kept ?? Buffer.allocUnsafeSlow(Math.max(BYTES_FIRST, Math.min(wanted, BYTES_MAX)));
    if (wanted <= current.length || current.length >= BYTES_MAX) return (kept = current);
    const larger = Buffer.allocUnsafeSlow(Math.min(Math.max(wanted, current.length * 2), BYTES_MAX));
    current.copy(larger, 0, 0, keptBytes);
    return (kept = larger);
  }

  return {
    add(data, start, end) {
      const length = end - start;
      // Once a piece was left out, nothing behind it is the beginning any more.
      if (keptBytes === bytes && length > 0) {
        const target = room(keptBytes + length);
        keptBytes += data.copy(target, keptBytes, start, end);
      }
      bytes += length;
    },
    read() {
      if (!kept || keptBytes === 0) return NO_TEXT;
      return { text: plainText(kept.toString('utf8', 0, keptBytes)), scale: bytes / keptBytes };
    },
  };
}

/** What is cut inside an escape sequence loses that sequence. */
function plainText(escaped: string): string {
  if (!escaped.includes('\\')) return escaped;
  for (const text of [escaped, escaped.replace(/\\[^\\]{0,5}$/, '')]) {
    try {
      const plain: unknown = JSON.parse(`"${text}"`);
      if (typeof plain === 'string') return plain;
    } catch {
      // The next one, or the text as it stands.
    }
  }
  return escaped;
}
