import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import type { AfterAnswer } from '../../after-answer.ts';
import type { QueueMail } from '../mail/queue-mail.ts';
import { createUserStore } from '../users/user-store.ts';

export interface LockedMailDeps {
  readonly db: Database;
  readonly queueMail: QueueMail;
  readonly afterAnswer: AfterAnswer;
}

/** Tells a person whose address was locked. After the answer, whose time must not tell that there is such a person. */
export function createLockedMail({ db, queueMail, afterAnswer }: LockedMailDeps) {
  async function tell(email: string): Promise<void> {
    const user = await withTenant(db, { credential: email }, (tx) => createUserStore(tx).byEmail(email));
    if (user?.status !== 'ACTIVE') return;
    const mail = { kind: 'accountLocked', displayName: user.displayName } as const;
    await db.$transaction((tx) => queueMail(tx, { to: email, mail }));
  }
  return (email: string): void => afterAnswer.run(() => tell(email));
}
