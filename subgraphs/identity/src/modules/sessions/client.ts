/** Where a session is used from, for its owner to recognise it. */
export interface Client {
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
}

const USER_AGENT_LENGTH_MAX = 512;

export function clientColumns({ ipAddress, userAgent }: Client) {
  return { ip: ipAddress, userAgent: userAgent?.slice(0, USER_AGENT_LENGTH_MAX) ?? null };
}
