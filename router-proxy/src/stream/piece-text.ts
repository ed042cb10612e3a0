import type { TextSample } from './text-sample.ts';

/** The JSON keys of the texts that a model writes piece by piece, each as `"key":`. */
export function textKeys(...names: readonly string[]): readonly string[] {
  return names.map((name) => `"${name}":`);
}

/**
 * One character per byte, for keys to be looked for, which are ASCII: searching a buffer costs several times as much as
 * searching a text, and every event is searched for several keys.
 */
export function bytesAsText(data: Buffer): string {
  return data.toString('latin1');
}

/**
 * Adds what an event's JSON holds of the answer. A piece has one kind of text, so the first that is found is taken.
 * @param text The same as `bytesAsText` gives it.
 */
export function samplePiece(sample: TextSample, data: Buffer, text: string, keys: readonly string[]): void {
  for (const key of keys) {
    let isFound = false;
    for (let at = text.indexOf(key); at !== -1; at = text.indexOf(key, at + key.length)) {
      const start = textStart(data, at + key.length);
      const end = textEnd(data, start);
      if (end <= start) continue;
      sample.add(data, start, end);
      isFound = true;
    }
    if (isFound) return;
  }
}

/** Behind the opening quote of the JSON text that follows; beyond the data where another value does. */
function textStart(data: Buffer, from: number): number {
  const open = data[from] === 0x20 ? from + 1 : from;
  return data[open] === 0x22 ? open + 1 : data.length;
}

function textEnd(data: Buffer, start: number): number {
  for (let at = start; at < data.length; at++) {
    const byte = data[at];
    if (byte === 0x5c) at++;
    else if (byte === 0x22) return at;
  }
  return data.length;
}
