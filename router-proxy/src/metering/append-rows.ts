import { DatabaseError } from 'pg';
import type { AttemptRecord } from '@weir/contracts/attempt-record';

export interface PoisonRow {
  readonly record: AttemptRecord;
  readonly reason: string;
}

/**
 * Appends all records, in halves where Postgres refuses their content, so that a row it will never take is found in
 * a logarithmic number of statements and everything beside it is appended.
 * @param append Appends all of its records or none; appending again what is there must be harmless.
 * @returns The rows that were refused.
 * @throws When Postgres could not be asked; everything may then be appended again.
 */
export async function appendRows(
  records: readonly AttemptRecord[],
  append: (records: readonly AttemptRecord[]) => Promise<unknown>,
): Promise<readonly PoisonRow[]> {
  try {
    await append(records);
    return [];
  } catch (error) {
    const [first] = records;
    if (!isContentError(error) || first === undefined) throw error;
    if (records.length === 1) return [{ record: first, reason: error.message }];
  }
  const middle = Math.ceil(records.length / 2);
  return [
    ...(await appendRows(records.slice(0, middle), append)),
    ...(await appendRows(records.slice(middle), append)),
  ];
}

/** Data exceptions, integrity violations and exceeded limits lie in the rows; everything else may pass with time. */
export function isContentError(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && /^(22|23|54)/.test(error.code ?? '');
}
