import { crc32 } from 'node:zlib';

/**
 * Lines that prove themselves: eight hex digits of the CRC-32 of what follows, a space, the text, a newline. A process
 * that is killed while it appends leaves at most one line without its newline; a damaged one does not match its sum.
 */
const HEADER_LENGTH = 9;

/** @param text Must not contain a newline; JSON never does. */
export function frameLine(text: string): string {
  return `${crc32(text).toString(16).padStart(8, '0')} ${text}\n`;
}

export interface UnframedLines {
  readonly texts: readonly string[];
  /** Complete lines whose sum does not match. */
  readonly damaged: readonly string[];
  /** What follows the last newline: the rest of an interrupted append, or nothing. */
  readonly torn: string;
}

export function unframeLines(content: string): UnframedLines {
  const lines = content.split('\n');
  const torn = lines.pop() ?? '';
  const texts: string[] = [];
  const damaged: string[] = [];
  for (const line of lines) {
    const text = line.slice(HEADER_LENGTH);
    if (line.length > HEADER_LENGTH && line === frameLine(text).slice(0, -1)) texts.push(text);
    else damaged.push(line);
  }
  return { texts, damaged, torn };
}
