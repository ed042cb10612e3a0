import type { z } from 'zod';

/** The shape of every type that implements the shared interface `UserError`; `code` is an enum of the feature. */
export interface UserErrorValue<Code extends string> {
  readonly code: Code;
  readonly message: string;
  /** Path into `input`. */
  readonly field: readonly string[] | null;
}

export function userError<Code extends string>(
  code: Code,
  message: string,
  ...field: readonly string[]
): UserErrorValue<Code> {
  return { code, message, field: field.length === 0 ? null : field };
}

/** What a zod schema refused, as user errors with one code; paths are relative to `input`. */
export function userErrorsOf<Code extends string>(error: z.ZodError, code: Code): UserErrorValue<Code>[] {
  return error.issues.map((issue) => userError(code, issue.message, ...issue.path.map(String)));
}
