import { malformed, parsePartHead, type PartHead } from './multipart-part.ts';

/** What a scanner finds, in order. Offsets count from the first byte of the body. */
export interface MultipartListener {
  partBegins(head: PartHead, start: number): void;
  partData(bytes: Buffer): void;
  partEnds(end: number): void;
}

/** Finds the parts of a form (RFC 7578, RFC 2046) in bytes, however they are cut. */
export interface MultipartScanner {
  /** @throws AppError INVALID_REQUEST for what is no form, or could be read in two ways. */
  push(chunk: Buffer): void;
  /** The body is over. @throws AppError INVALID_REQUEST where its last boundary did not come. */
  end(): void;
}

const HEADER_BYTES_MAX = 8_192;
const LINE_END = Buffer.from('\r\n');
const HEADERS_END = Buffer.from('\r\n\r\n');
const DASHES = Buffer.from('--');
const NOTHING = Buffer.alloc(0);

/**
 * A boundary is a line of its own and appears nowhere else: RFC 2046 forbids it within a part, and a reader that accepts
 * bare line feeds would see a part where a strict one sees content. So every other occurrence is refused, and so are
 * the blanks that may stand behind a boundary, which no client sends and not every reader passes over.
 */
export function createMultipartScanner(boundary: string, listener: MultipartListener): MultipartScanner {
  const delimiter = Buffer.from(`--${boundary}`, 'latin1');
  /** A delimiter with its line end before it that is cut by the end of a chunk is shorter than this. */
  const overlap = delimiter.length + 1;
  let state: 'preamble' | 'delimiter' | 'headers' | 'part' | 'epilogue' = 'preamble';
  /** Bytes that are not yet understood, and the offset of the first of them in the body. */
  let rest: Buffer = NOTHING;
  let base = 0;

  /** Passes over so many bytes. */
  function skip(length: number): void {
    rest = rest.subarray(length);
    base += length;
  }

  /** Up to the next delimiter. @returns Whether there was one; its line end is left out of what is passed over. */
  function skipToDelimiter(onSkipped: (bytes: Buffer) => void): boolean {
    const at = rest.indexOf(delimiter);
    if (at === -1) {
      const safe = rest.length - overlap;
      if (safe <= 0) return false;
      onSkipped(rest.subarray(0, safe));
      skip(safe);
      return false;
    }
    const isFirst = base + at === 0;
    const lineEnd = isFirst ? 0 : at - LINE_END.length;
    if (lineEnd < 0 || (!isFirst && !startsWith(rest, LINE_END, lineEnd))) {
      throw malformed('its boundary stands within a part');
    }
    onSkipped(rest.subarray(0, lineEnd));
    skip(lineEnd);
    return true;
  }

  /** @returns Whether there may be more to find. */
  function step(): boolean {
    switch (state) {
      case 'preamble':
        if (!skipToDelimiter(() => undefined)) return false;
        return passDelimiter();
      case 'part':
        if (!skipToDelimiter(listener.partData)) return false;
        listener.partEnds(base);
        return passDelimiter();
      case 'delimiter':
        return beginPart();
      case 'headers':
        return readHeaders();
      case 'epilogue':
        if (skipToDelimiter(() => undefined)) throw malformed('it goes on behind its last boundary');
        return false;
    }
  }

  function passDelimiter(): boolean {
    skip((base === 0 && startsWith(rest, delimiter, 0) ? 0 : LINE_END.length) + delimiter.length);
    state = 'delimiter';
    return true;
  }

  function beginPart(): boolean {
    if (rest.length < LINE_END.length) return false;
    if (startsWith(rest, DASHES, 0)) state = 'epilogue';
    else if (startsWith(rest, LINE_END, 0)) state = 'headers';
    else throw malformed('its boundary is not a line of its own');
    skip(LINE_END.length);
    return true;
  }

  function readHeaders(): boolean {
    const end = rest.indexOf(HEADERS_END);
    if (end > HEADER_BYTES_MAX || (end === -1 && rest.length > HEADER_BYTES_MAX)) {
      throw malformed('the headers of a part are too long');
    }
    if (end === -1) return false;
    const head = parsePartHead(rest.toString('utf8', 0, end));
    skip(end + HEADERS_END.length);
    listener.partBegins(head, base);
    state = 'part';
    return true;
  }

  return {
    push(chunk) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      while (step());
      // A view would keep the whole chunk alive.
      rest = Buffer.from(rest);
    },
    end() {
      if (state !== 'epilogue') throw malformed('it ends before its last boundary');
    },
  };
}

function startsWith(bytes: Buffer, wanted: Buffer, at: number): boolean {
  return bytes.subarray(at, at + wanted.length).equals(wanted);
}
