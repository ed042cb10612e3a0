import type { InternalIdentity } from '@weir/contracts/internal-identity';
import type { AuditedBy } from '@weir/graphql/audit';
import type { RefreshTokenNames } from './session.ts';

/** Where a session is used from, for its owner to recognise it. */
export type Client = Pick<InternalIdentity, 'ipAddress' | 'userAgent' | 'requestId'>;

const USER_AGENT_LENGTH_MAX = 512;

export function clientColumns({ ipAddress, userAgent }: Client) {
  return { ip: ipAddress, userAgent: userAgent?.slice(0, USER_AGENT_LENGTH_MAX) ?? null };
}

/** A person who is known only since this very request. */
export function auditedAs(names: RefreshTokenNames, client: Client): AuditedBy {
  const { ipAddress, userAgent, requestId } = client;
  return { actor: { type: 'user', ...names }, ipAddress, userAgent, requestId };
}
