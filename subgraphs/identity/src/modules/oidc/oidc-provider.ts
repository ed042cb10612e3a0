import { SYSTEM_ROLES, type SystemRole } from '@weir/contracts/permission-matrix';
import type { UserErrorValue } from '@weir/graphql/user-errors';
import { encodeId, type Uuid } from '@weir/kernel/ids';
import type { OidcErrorCode } from '../../generated/resolvers-types.ts';

/** An OpenID provider through which people sign in. Its client secret is not part of it. */
export interface OidcProvider {
  readonly id: Uuid;
  /** Null for one of the platform, which everybody may use. */
  readonly organizationId: Uuid | null;
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  /** Of addresses that it speaks for, in lower case; none in a provider of the platform means all. */
  readonly emailDomains: readonly string[];
  readonly createsPeople: boolean;
  /** Of people whom it creates; null creates them without a membership. Never OWNER. */
  readonly defaultRole: SystemRole | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export type OidcProblem = UserErrorValue<OidcErrorCode>;

/** Roles that somebody may get by signing in elsewhere. */
export const GRANTABLE_ROLES: readonly SystemRole[] = SYSTEM_ROLES.filter((role) => role !== 'OWNER');

/** Enough for everybody, and few enough to list without pages. */
export const PROVIDERS_MAX = 20;

/** What binds a sealed client secret to its place. */
export const oidcSecretBinding = (id: Uuid, version: number): string => `oidcProvider:${id}:${version}`;

const pathOf = (id: Uuid): string => `/auth/oidc/${encodeId('oidcProvider', id)}`;

/** Where a browser begins; `?return_to=` says where it ends. */
export const loginUrlOf = (publicUrl: string, id: Uuid): string =>
  `${publicUrl.replace(/\/+$/, '')}${pathOf(id)}/login`;

/** What is registered with the provider. */
export const redirectUriOf = (publicUrl: string, id: Uuid): string =>
  `${publicUrl.replace(/\/+$/, '')}${pathOf(id)}/callback`;

/** Whether the provider speaks for an address in the form of `normalizeEmail`. */
export function speaksFor({ emailDomains }: Pick<OidcProvider, 'emailDomains'>, email: string): boolean {
  const domain = email.slice(email.lastIndexOf('@') + 1);
  return emailDomains.length === 0 || emailDomains.includes(domain);
}
