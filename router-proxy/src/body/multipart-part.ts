import { AppError } from '@weir/kernel/errors';
import { parseHeader } from './header-parameters.ts';

/** What the headers of one part of a form say. */
export interface PartHead {
  readonly name: string;
  readonly isFile: boolean;
}

const PLAIN_ENCODINGS: ReadonlySet<string> = new Set(['7bit', '8bit', 'binary']);
const PLAIN_CHARSETS: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii']);

/**
 * A provider reads the same bytes with a reader of its own. What two readers could understand differently (two names,
 * encodings, folded lines) is refused, or a model could be asked for that was never checked.
 * @param block The header lines, without the empty line. @throws AppError INVALID_REQUEST
 */
export function parsePartHead(block: string): PartHead {
  let disposition: string | undefined;
  let contentType: string | undefined;
  for (const line of block.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon < 1 || /[\r\n\0]/.test(line) || /[ \t]/.test(line.slice(0, colon))) {
      throw malformed('a part has a header line that is none');
    }
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === 'content-disposition') {
      if (disposition !== undefined) throw malformed('a part has two Content-Dispositions');
      disposition = value;
    } else if (name === 'content-type') {
      if (contentType !== undefined) throw malformed('a part has two Content-Types');
      contentType = value;
    } else if (name === 'content-transfer-encoding' && !PLAIN_ENCODINGS.has(value.toLowerCase())) {
      throw malformed('a part has a Content-Transfer-Encoding');
    }
  }
  return headOf(disposition, contentType);
}

function headOf(disposition: string | undefined, contentType: string | undefined): PartHead {
  const parsed = disposition === undefined ? undefined : parseHeader(disposition);
  const name = parsed?.parameters.get('name');
  if (parsed?.value !== 'form-data' || name === undefined || parsed.parameters.has('name*')) {
    throw malformed('a part has no Content-Disposition: form-data with one name');
  }
  if (/\\|^\s|\s$|^model[^\w]/.test(name)) throw malformed('a field has a name that is no plain one');
  const isFile = parsed.parameters.has('filename') || parsed.parameters.has('filename*');
  if (!isFile) requirePlainText(name, contentType);
  return { name, isFile };
}

function requirePlainText(name: string, contentType: string | undefined): void {
  const charset = contentType === undefined ? undefined : parseHeader(contentType)?.parameters.get('charset');
  if (name === '_charset_' || (charset !== undefined && !PLAIN_CHARSETS.has(charset.toLowerCase()))) {
    throw malformed('a part is not in UTF-8');
  }
}

export function malformed(reason: string): AppError {
  return new AppError('INVALID_REQUEST', `The form could not be read: ${reason}.`);
}
