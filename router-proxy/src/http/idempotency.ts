import type { HeldName, RequestName, RequestNames } from '@weir/counters/idempotency/contract';
import { AppError } from '@weir/kernel/errors';

/** @throws AppError REQUEST_IN_PROGRESS, DUPLICATE_REQUEST; both name the first request. INVALID_REQUEST. */
export type TakeRequestName = (name: RequestName) => Promise<HeldName>;

const NAME_LENGTH_MAX = 255;

/** Takes a name for one request of one API key, so that a repetition is neither run nor billed. */
export function createTakeRequestName(names: RequestNames): TakeRequestName {
  return async (name) => {
    if (name.name.length > NAME_LENGTH_MAX) {
      throw new AppError('INVALID_REQUEST', `An idempotency key has at most ${NAME_LENGTH_MAX} characters.`);
    }
    const taking = await names.take(name);
    if (taking.kind === 'taken') return taking.held;
    const { kind, requestId } = taking;
    const details = { firstRequestId: requestId };
    throw kind === 'running'
      ? new AppError('REQUEST_IN_PROGRESS', `The same request is still running as ${requestId}.`, { details })
      : new AppError(
          'DUPLICATE_REQUEST',
          `The same request already ran as ${requestId}; it is not run and not billed a second time.`,
          { details },
        );
  };
}
