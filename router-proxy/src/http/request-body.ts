import type { IncomingMessage } from 'node:http';
import { AppError } from '@weir/kernel/errors';

export const NO_BODY = Buffer.alloc(0);

/** Takes the body, or why there is none. */
export type TakeBody = (body: Buffer, problem: AppError | null) => void;

/**
 * Reads the body of a request as a whole and hands it over exactly once; at once where there is none. A body whose length
 * was announced is complete with its last byte, so nobody waits for the stream to say that it ended.
 */
export function readBody(req: IncomingMessage, bytesMax: number, take: TakeBody): void {
  const length = Number(req.headers['content-length']);
  const isAnnounced = Number.isSafeInteger(length);
  if (isAnnounced ? length === 0 : req.headers['transfer-encoding'] === undefined) {
    take(NO_BODY, null);
    return;
  }
  if (isAnnounced && length > bytesMax) {
    take(NO_BODY, tooLarge(bytesMax));
    return;
  }
  let before: Buffer[] | null = null;
  let bytes = 0;
  let isOver = false;

  /** What arrives later is passed over; the answer to what is too large closes the connection. */
  function over(body: Buffer, problem: AppError | null): void {
    if (isOver) return;
    isOver = true;
    take(body, problem);
  }

  req.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (isOver) return;
    if (bytes > bytesMax) over(NO_BODY, tooLarge(bytesMax));
    else if (!isAnnounced || bytes < length) (before ??= []).push(chunk);
    else over(before ? Buffer.concat([...before, chunk]) : chunk, null);
  });
  if (!isAnnounced) {
    req.on('end', () => {
      over(Buffer.concat(before ?? []), null);
    });
  }
  req.on('error', () => {
    over(NO_BODY, brokenOff());
  });
}

function tooLarge(bytesMax: number): AppError {
  return new AppError('PAYLOAD_TOO_LARGE', `The request body may have at most ${bytesMax} bytes.`, {
    details: { limitBytes: bytesMax },
  });
}

function brokenOff(): AppError {
  return new AppError('INVALID_REQUEST', 'The request broke off before all of its body had arrived.');
}
