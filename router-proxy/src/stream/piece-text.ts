import type { TextSample } from './text-sample.ts';

/**
 * Finds the texts that a model writes piece by piece, by their keys in JSON: a match ends where a text begins that is not
 * empty. Inside a JSON text a quote is escaped, so a key cannot be part of any content.
 */
export type TextKeys = RegExp | null;

export function textKeys(...names: readonly string[]): TextKeys {
  return names.length === 0 ? null : new RegExp(`"(?:${names.join('|')})": ?"(?!")`, 'g');
}

/**
 * One character per byte, for keys to be looked for, which are ASCII: searching a buffer costs several times as much as
 * searching a text, and a pattern finds several keys in a third of the time that looking for one takes.
 */
export function bytesAsText(data: Buffer): string {
  return data.toString('latin1');
}

/**
 * Adds what events hold of the answer. The texts of one event are of one kind, as some providers repeat them under a
 * second name: that of the first counts.
 * @param text The same as `bytesAsText` gives it.
 */
export function samplePieces(sample: TextSample, data: Buffer, text: string, keys: TextKeys): void {
  if (!keys) return;
  let first = -1;
  let lineEnd = -1;
  keys.lastIndex = 0;
  while (keys.test(text)) {
    const start = keys.lastIndex;
    if (start > lineEnd) {
      first = start;
      lineEnd = endOfLine(text, start);
    } else if (keyOf(text, start) !== keyOf(text, first)) {
      continue;
    }
    const end = textEnd(data, start);
    sample.add(data, start, end);
    keys.lastIndex = end;
  }
}

function endOfLine(text: string, from: number): number {
  const at = text.indexOf('\n', from);
  return at === -1 ? text.length : at;
}

/** The name before the text that starts here. */
function keyOf(text: string, start: number): string {
  const end = text.lastIndexOf('"', start - 2);
  return text.slice(text.lastIndexOf('"', end - 1), end);
}

/** A text that does not end in its line is none, and must not reach into the next event. */
function textEnd(data: Buffer, start: number): number {
  for (let at = start; at < data.length; at++) {
    const byte = data[at];
    if (byte === 0x5c) at++;
    else if (byte === 0x22 || byte === 0x0a) return at;
  }
  return data.length;
}
