import type { UserErrorValue } from '@weir/graphql/user-errors';
import type { Uuid } from '@weir/kernel/ids';
import type { PasskeyErrorCode } from '../../generated/resolvers-types.ts';

export type PasskeyProblem = UserErrorValue<PasskeyErrorCode>;

/** A WebAuthn credential of a person, as people see it. */
export interface Passkey {
  readonly id: Uuid;
  readonly userId: Uuid;
  readonly name: string;
  readonly isBackedUp: boolean;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
}

/** What proves its signatures besides. */
export interface StoredPasskey extends Passkey {
  readonly credentialId: Buffer;
  readonly publicKey: Uint8Array<ArrayBuffer>;
  readonly counter: number;
  readonly transports: readonly string[];
}

/** Enough for everybody, and few enough to list without pages. */
export const PASSKEYS_MAX = 20;
/** How long a challenge waits for its answer. */
export const CHALLENGE_LIFE_MS = 5 * 60_000;

/** WebAuthn wants bytes that say nothing of the person: the id itself. */
export const userHandleOf = (userId: Uuid): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.from(userId.replaceAll('-', ''), 'hex'));
