import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '@weir/kernel/errors';
import type { OpenOwnedSecret } from './owner-keys.ts';
import type { Policy } from './policy.ts';

/** How far a signature's clock may be from ours; within it a captured request can be sent again. */
const SKEW_SECONDS = 300;

const FORM_PROBLEM =
  'A multipart body is sent on while it arrives, so its signature cannot be checked: use a key that demands none, and send none.';

/** Whether a request is signed as its key wants it; null when it is. */
export type SignatureProblem = (
  policy: Policy,
  headers: IncomingHttpHeaders,
  body: Buffer,
  nowMs: number,
) => AppError | null;

/**
 * Step 3, last part. `X-HMAC-Signature` is the hexadecimal HMAC-SHA256 of the raw body, or, with `X-HMAC-Timestamp`, of
 * `<timestamp>.<body>`. It is checked when it is sent; a key that demands signatures demands the form with a timestamp,
 * which bounds how long a captured request can be repeated.
 */
export function createSignatureCheck(openOwned: OpenOwnedSecret): SignatureProblem {
  return (policy, headers, body, nowMs) => {
    const { id, requireSignature, signing } = policy.snapshot.key;
    const signature = headers['x-hmac-signature'];
    const timestamp = headers['x-hmac-timestamp'];
    if (signature === undefined && !requireSignature) return null;
    if (isForm(headers)) return refused(FORM_PROBLEM);
    if (signature === undefined)
      return refused('This API key demands signed requests: send X-HMAC-Signature.');
    if (!signing)
      return refused('This API key has no signing secret: make one, or send no X-HMAC-Signature.');
    const problem = problemOfTimestamp(timestamp, requireSignature, nowMs);
    if (problem !== null) return refused(problem);
    const secret = openOwned(signing, `requestSigning:${signing.ownerId}:${id}:${signing.secret.version}`);
    try {
      return isSignatureOf(signature, secret, timestamp, body)
        ? null
        : refused(
            'X-HMAC-Signature does not fit the body: sign its exact bytes with the signing secret of this key.',
          );
    } finally {
      secret.fill(0);
    }
  };
}

function problemOfTimestamp(
  timestamp: string | string[] | undefined,
  isRequired: boolean,
  nowMs: number,
): string | null {
  if (timestamp === undefined) {
    return isRequired ? 'This API key demands a signature with its time: send X-HMAC-Timestamp, too.' : null;
  }
  if (typeof timestamp !== 'string' || !/^\d{1,12}$/.test(timestamp)) {
    return 'X-HMAC-Timestamp must be the time in whole seconds since 1970.';
  }
  const isNear = Math.abs(Number(timestamp) - nowMs / 1_000) <= SKEW_SECONDS;
  return isNear ? null : `X-HMAC-Timestamp is more than ${SKEW_SECONDS} seconds away: sign the request anew.`;
}

function isSignatureOf(
  signature: string | string[],
  secret: Buffer,
  timestamp: string | string[] | undefined,
  body: Buffer,
): boolean {
  if (typeof signature !== 'string' || !/^[0-9a-f]{64}$/i.test(signature)) return false;
  const hmac = createHmac('sha256', secret);
  if (typeof timestamp === 'string') hmac.update(`${timestamp}.`);
  return timingSafeEqual(hmac.update(body).digest(), Buffer.from(signature, 'hex'));
}

function isForm(headers: IncomingHttpHeaders): boolean {
  return headers['content-type']?.toLowerCase().startsWith('multipart/') === true;
}

function refused(detail: string): AppError {
  return new AppError('INVALID_SIGNATURE', detail);
}
