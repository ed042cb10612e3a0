import type { Clock } from '@weir/kernel/clock';
import type { Database } from '@weir/prisma/database';

export interface OrganizationDeps {
  readonly db: Database;
  readonly clock: Clock;
}
