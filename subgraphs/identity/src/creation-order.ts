import { AppError } from '@weir/kernel/errors';
import { isUuid, type Uuid } from '@weir/kernel/ids';
import type { KeysetOrder } from '@weir/graphql/connection';

/** A row's place in the order of creation; the id decides between rows of the same millisecond. */
export interface CreationPosition {
  readonly createdAt: Date;
  readonly id: Uuid;
}

/** @param name Of the list, for example `accounts.createdAt`. */
export function creationOrder<Row extends CreationPosition>(name: string): KeysetOrder<Row> {
  return { name, keyCount: 2, keysOf: (row) => [row.createdAt.toISOString(), row.id] };
}

/** @throws AppError BAD_USER_INPUT for a cursor that was tampered with. */
export function creationPosition(keys: readonly string[] | undefined): CreationPosition | undefined {
  if (keys === undefined) return undefined;
  const [instant = '', id = ''] = keys;
  const createdAt = new Date(instant);
  if (Number.isNaN(createdAt.getTime()) || !isUuid(id)) {
    throw new AppError('BAD_USER_INPUT', 'after must be an endCursor of the same list.', { param: 'after' });
  }
  return { createdAt, id };
}
