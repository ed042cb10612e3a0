import { AppError } from '@weir/kernel/errors';
import type { Form } from '../body/form.ts';
import type { Upload, UploadBody } from '../body/upload.ts';
import type { RequestChanges, Unbounded } from './endpoint.ts';
import { invalid, type Members } from './request-members.ts';

const TRUE: ReadonlySet<string> = new Set(['true', '1', 'yes', 'on']);
const FALSE: ReadonlySet<string> = new Set(['false', '0', 'no', 'off', '']);

/** The fields of a form as the members that a JSON body would have, so that both are checked by the same rules. */
export function formMembers(
  form: Form,
  kinds: Readonly<Record<string, 'text' | 'number' | 'flag'>>,
): Members {
  const members: Record<string, unknown> = {};
  for (const [name, kind] of Object.entries(kinds)) {
    const text = form.field(name)?.value;
    if (text === undefined) continue;
    members[name] = kind === 'text' ? text : kind === 'number' ? numberOf(text) : flagOf(text);
  }
  return members;
}

/** What is no number stays a text, and is refused as one. */
function numberOf(text: string): unknown {
  return /^\d{1,15}$/.test(text) ? Number(text) : text;
}

function flagOf(text: string): unknown {
  const plain = text.toLowerCase();
  if (TRUE.has(plain)) return true;
  return FALSE.has(plain) ? false : text;
}

/** A file that has not come may still come behind others. */
export function requireFile(form: Form, name: string): void {
  if (form.isComplete && !form.hasFile(name)) throw invalid(name, `"${name}" is missing: send a file.`);
}

/** Fields behind a file are not known yet, and fields that nobody here knows might cost anything. */
export function unlistedField(form: Form, listed: ReadonlySet<string>): Unbounded | null {
  if (!form.isComplete) return { param: 'file', reason: 'fields behind a file', of: 'anything' };
  for (const name of form.names) {
    if (!listed.has(name.replace(/\[\]$/, ''))) {
      return { param: name.slice(0, 64), reason: `the field "${name.slice(0, 64)}"`, of: 'anything' };
    }
  }
  return null;
}

/** The provider's request: the client's form with another model in it. */
export function renderForm(upload: Upload, { model }: RequestChanges): UploadBody {
  const field = upload.form.field('model');
  const edits = field && field.value !== model ? [{ start: field.start, end: field.end, text: model }] : [];
  return upload.body(edits);
}

/** For endpoints whose requests carry files. */
export function formOnly(): AppError {
  return new AppError('UNSUPPORTED_MEDIA_TYPE', 'Send a form: Content-Type: multipart/form-data.');
}
