import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { AppError } from '@weir/kernel/errors';
import { encodeId, newUuid } from '@weir/kernel/ids';
import { problemResponse } from '@weir/service/problem';

/**
 * Answers bytes that are no HTTP request, and closes the connection. Where an answer was begun on it these bytes
 * came behind a request, and words of ours would end up within its answer; there it is only closed.
 */
export function answerBrokenRequest(error: { readonly code?: string }, socket: Socket): void {
  if (socket.writable && socket.bytesWritten === 0) socket.write(answerTo(error.code));
  socket.destroy();
}

function answerTo(code: string | undefined): string {
  const requestId = encodeId('request', newUuid());
  const { status, headers, body } = problemResponse(
    new AppError('INVALID_REQUEST', sentenceOf(code)),
    requestId,
  );
  const lines = Object.entries({ 'x-request-id': requestId, ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}` +
    `connection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}

function sentenceOf(code: string | undefined): string {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return 'The headers of the request are too large.';
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 'The request did not arrive in time. Send it without pauses.';
    default:
      return 'This is not a valid HTTP request. Check its headers and the length of its body.';
  }
}
