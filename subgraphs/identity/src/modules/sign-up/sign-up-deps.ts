import type { Clock } from '@weir/kernel/clock';
import type { Database } from '@weir/prisma/database';
import type { MasterKey } from '@weir/service/vault';
import type { QueueMail } from '../mail/queue-mail.ts';
import type { RateLimits } from '../rate-limits/rate-limits.ts';
import type { Passwords } from '../users/password.ts';

export interface SignUpDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly masterKey: MasterKey;
  readonly passwords: Passwords;
  readonly queueMail: QueueMail;
  readonly rateLimits: RateLimits;
}
