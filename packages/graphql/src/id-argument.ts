import { AppError } from '@weir/kernel/errors';
import { decodeId, ID_PREFIXES, type IdKind, type Uuid } from '@weir/kernel/ids';

/**
 * The UUID behind a public id that a client passed.
 * @param argument Name of the argument or input member, for the message.
 * @throws AppError BAD_USER_INPUT naming the kind that is wanted.
 */
export function idArgument(kind: IdKind, text: string, argument: string): Uuid {
  const id = decodeId(kind, text);
  if (id === undefined) {
    throw new AppError(
      'BAD_USER_INPUT',
      `${argument} must be an id that starts with "${ID_PREFIXES[kind]}_".`,
      {
        param: argument,
      },
    );
  }
  return id;
}
