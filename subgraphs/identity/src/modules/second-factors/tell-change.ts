import type { Uuid } from '@weir/kernel/ids';
import type { Transaction } from '@weir/prisma/tenant';
import type { SecondFactorsChange } from '../mail/kinds/second-factors-changed.ts';
import type { QueueMail } from '../mail/queue-mail.ts';
import { createUserStore } from '../users/user-store.ts';

/** Mails a person that their second factors were changed, when the transaction of the change commits. */
export async function tellChange(
  queueMail: QueueMail,
  tx: Transaction,
  userId: Uuid,
  change: SecondFactorsChange,
): Promise<void> {
  const [user] = await createUserStore(tx).byIds([userId]);
  if (!user) throw new Error('a change of the second factors of nobody');
  const { email, displayName } = user;
  await queueMail(tx, { to: email, mail: { kind: 'secondFactorsChanged', displayName, change } });
}
