import { createHash, randomBytes } from 'node:crypto';
import { parseUuid, type Uuid } from '@weir/kernel/ids';

/** A person's stay. It goes on as long as its refresh token is exchanged in time, and ends for good when revoked. */
export interface Session {
  readonly id: Uuid;
  readonly userId: Uuid;
  /** The organization it acts in; null for a person without a membership. */
  readonly organizationId: Uuid | null;
  readonly refreshTokenHash: Buffer;
  /** Of the token that the newest one was exchanged for; null before the first exchange. */
  readonly previousTokenHash: Buffer | null;
  readonly rotatedAt: Date | null;
  readonly createdAt: Date;
  /** To the minute. */
  readonly lastUsedAt: Date;
  /** Of the client that used it last. */
  readonly ip: string | null;
  readonly userAgent: string | null;
  /** Of somebody who looks into the organization without belonging to it; null for nearly all. */
  readonly impersonationId: Uuid | null;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
}

export const ACCESS_TOKEN_LIFE_MS = 60 * 60_000;
export const REFRESH_TOKEN_LIFE_MS = 24 * 60 * 60_000;

/**
 * A refresh token names its user and session in the open and proves itself by 256 random bits. The names let a used
 * token be told from an unknown one: its session exists and expects another token, so somebody has copied it.
 */
const PREFIX = 'wrt_';
const ID_BYTES = 16;
const SECRET_BYTES = 32;

export interface RefreshTokenNames {
  readonly userId: Uuid;
  readonly sessionId: Uuid;
}

const bytesOf = (id: Uuid): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex');

function uuidOf(bytes: Buffer): Uuid {
  const hex = bytes.toString('hex');
  return parseUuid(
    `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`,
  );
}

export function newRefreshToken(names: RefreshTokenNames): string {
  return refreshTokenOf(names, randomBytes(SECRET_BYTES));
}

/** @param secret 32 bytes that nobody can guess. */
export function refreshTokenOf({ userId, sessionId }: RefreshTokenNames, secret: Buffer): string {
  return PREFIX + Buffer.concat([bytesOf(userId), bytesOf(sessionId), secret]).toString('base64url');
}

/** Undefined when the text cannot be a refresh token. Proves nothing. */
export function namesInRefreshToken(token: string): RefreshTokenNames | undefined {
  if (!token.startsWith(PREFIX) || !/^[\w-]+$/.test(token)) return undefined;
  const bytes = Buffer.from(token.slice(PREFIX.length), 'base64url');
  if (bytes.length !== 2 * ID_BYTES + SECRET_BYTES) return undefined;
  return {
    userId: uuidOf(bytes.subarray(0, ID_BYTES)),
    sessionId: uuidOf(bytes.subarray(ID_BYTES, 2 * ID_BYTES)),
  };
}

export function hashOfRefreshToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
