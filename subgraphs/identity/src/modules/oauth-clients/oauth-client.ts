import { createHash, randomBytes } from 'node:crypto';
import type { OAuthScope } from '@weir/contracts/oauth-token';
import type { UserErrorValue } from '@weir/graphql/user-errors';
import type { Uuid } from '@weir/kernel/ids';
import type { OAuthClientErrorCode } from '../../generated/resolvers-types.ts';

/** A program of a third party that acts in an organization, for example a dashboard. Its secret is not part of it. */
export interface OAuthClient {
  readonly id: Uuid;
  readonly organizationId: Uuid;
  readonly name: string;
  readonly scopes: readonly OAuthScope[];
  /** Tokens name the version of the secret that they were given for, and end with it. */
  readonly secretVersion: number;
  readonly createdBy: Uuid;
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
}

export type OAuthClientProblem = UserErrorValue<OAuthClientErrorCode>;

/** Enough for everybody, and few enough to list without pages; revoked ones do not count. */
export const CLIENTS_MAX = 50;

/** 256 random bits behind a prefix that scanners of leaked secrets can look for. */
export const newClientSecret = (): string => `wcs_${randomBytes(32).toString('base64url')}`;

export const hashOfClientSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest();
