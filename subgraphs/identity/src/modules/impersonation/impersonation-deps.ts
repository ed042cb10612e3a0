import type { Clock } from '@weir/kernel/clock';
import type { Database } from '@weir/prisma/database';
import type { AccessTokens } from '../sessions/access-token.ts';

export interface ImpersonationDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly accessTokens: AccessTokens;
}
