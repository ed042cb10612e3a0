import { AppError } from '@weir/kernel/errors';
import { parseHeader } from './header-parameters.ts';
import { malformed, type PartHead } from './multipart-part.ts';
import { createMultipartScanner } from './multipart-scanner.ts';

/** A text field of a form and where its value lies in the body. */
export interface FormField {
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

/** What is known of a form, more the more of it has arrived. */
export interface Form {
  /** Undefined where the field did not come, or not yet. */
  field(name: string): FormField | undefined;
  /** Whether a file of this name has come. */
  hasFile(name: string): boolean;
  /** The names of all fields and files so far. */
  readonly names: ReadonlySet<string>;
  /** Bytes of all text fields. */
  readonly textBytes: number;
  /** The beginning of the first file, and how many bytes of it have come. */
  readonly file: { readonly head: Buffer; readonly bytes: number };
  /** The part that is arriving is a file. */
  readonly isInFile: boolean;
  readonly isComplete: boolean;
}

export interface FormReader extends Form {
  /** @throws AppError INVALID_REQUEST, PAYLOAD_TOO_LARGE */
  push(chunk: Buffer): void;
  end(): void;
}

const PARTS_MAX = 128;
const FILE_HEAD_BYTES = 64;
/** RFC 2046: 1 to 70 characters, the last no space. */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/;

/** Undefined for a content type that is no form. @throws AppError INVALID_REQUEST for a form without a boundary. */
export function boundaryOf(contentType: string | undefined): string | undefined {
  if (contentType === undefined || !/^\s*multipart\/form-data\b/i.test(contentType)) return undefined;
  const boundary = parseHeader(contentType)?.parameters.get('boundary');
  if (boundary === undefined || !BOUNDARY.test(boundary)) {
    throw new AppError('INVALID_REQUEST', 'The Content-Type of the form has no valid boundary.');
  }
  return boundary;
}

/** @param textBytesMax How much text all fields may hold together. */
export function createFormReader(boundary: string, textBytesMax: number): FormReader {
  const fields = new Map<string, FormField>();
  const files = new Set<string>();
  const names = new Set<string>();
  let part: (PartHead & { readonly start: number; readonly texts: Buffer[] }) | null = null;
  let parts = 0;
  let textBytes = 0;
  let fileHead = Buffer.alloc(0);
  let fileBytes = 0;
  let isComplete = false;

  const scanner = createMultipartScanner(boundary, {
    partBegins(head, start) {
      if (++parts > PARTS_MAX) throw malformed(`it has more than ${PARTS_MAX} parts`);
      // Lists are sent as `name[]` and may be repeated; of two values for one name each reader takes another.
      if (names.has(head.name) && !head.name.endsWith('[]') && !(head.isFile && files.has(head.name))) {
        throw new AppError(
          'INVALID_REQUEST',
          `The field "${head.name.slice(0, 64)}" appears more than once.`,
          {
            param: head.name.slice(0, 64),
          },
        );
      }
      names.add(head.name);
      if (head.isFile) files.add(head.name);
      part = { ...head, start, texts: [] };
    },
    partData(bytes) {
      if (!part) return;
      if (part.isFile) {
        if (files.size > 1) return;
        fileBytes += bytes.length;
        if (fileHead.length < FILE_HEAD_BYTES)
          fileHead = Buffer.concat([fileHead, bytes.subarray(0, FILE_HEAD_BYTES - fileHead.length)]);
        return;
      }
      textBytes += bytes.length;
      if (textBytes > textBytesMax) throw tooMuchText(textBytesMax);
      if (bytes.length > 0) part.texts.push(Buffer.from(bytes));
    },
    partEnds(end) {
      if (part && !part.isFile) {
        const value = textOf(part.name, Buffer.concat(part.texts));
        if (!fields.has(part.name)) fields.set(part.name, { value, start: part.start, end });
      }
      part = null;
    },
  });

  return {
    field: (name) => fields.get(name),
    hasFile: (name) => files.has(name) || files.has(`${name}[]`),
    names,
    get textBytes() {
      return textBytes;
    },
    get file() {
      return { head: fileHead, bytes: fileBytes };
    },
    get isInFile() {
      return part?.isFile === true;
    },
    get isComplete() {
      return isComplete;
    },
    push(chunk) {
      scanner.push(chunk);
    },
    end() {
      scanner.end();
      isComplete = true;
    },
  };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(name: string, bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new AppError('INVALID_REQUEST', `The field "${name.slice(0, 64)}" is not in UTF-8.`, {
      param: name.slice(0, 64),
      cause,
    });
  }
}

function tooMuchText(limitBytes: number): AppError {
  return new AppError(
    'PAYLOAD_TOO_LARGE',
    `The text fields of a form may have at most ${limitBytes} bytes.`,
    {
      details: { limitBytes },
    },
  );
}
