/** A part of a form for tests. */
export interface TestPart {
  readonly name: string;
  readonly value: string | Buffer;
  readonly filename?: string;
}

export const TEST_BOUNDARY = '----weirFormBoundary7MA4YWxk';

/** The body of a form as common clients write it. */
export function formOf(parts: readonly TestPart[], boundary = TEST_BOUNDARY): Buffer {
  const pieces = parts.flatMap(({ name, value, filename }) => [
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"` +
        (filename === undefined ? '' : `; filename="${filename}"\r\nContent-Type: audio/wav`) +
        '\r\n\r\n',
    ),
    Buffer.from(value),
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]);
}

/** Cut at each of the places. */
export function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.filter((place) => place > 0 && place < bytes.length))].sort(
    (a, b) => a - b,
  );
  return [0, ...sorted].map((from, index) => bytes.subarray(from, sorted[index] ?? bytes.length));
}
