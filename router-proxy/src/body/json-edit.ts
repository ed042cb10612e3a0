/** Replaces the bytes [start, end) of a text; `start === end` inserts. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string | Uint8Array;
}

/** Applies edits that do not overlap, in any order. Everything between them is copied byte by byte. */
export function applyEdits(source: Uint8Array, edits: readonly Edit[]): Uint8Array {
  if (edits.length === 0) return source;
  const ordered = edits.length === 1 ? edits : [...edits].sort((a, b) => a.start - b.start || a.end - b.end);
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const edit of ordered) {
    if (edit.start < at || edit.end < edit.start) throw new RangeError('edits overlap');
    parts.push(source.subarray(at, edit.start));
    parts.push(typeof edit.text === 'string' ? Buffer.from(edit.text) : edit.text);
    at = edit.end;
  }
  parts.push(source.subarray(at));
  return Buffer.concat(parts);
}
