import { recordAudit } from '@weir/graphql/audit';
import type { Clock } from '@weir/kernel/clock';
import type { Uuid } from '@weir/kernel/ids';
import { ok } from '@weir/kernel/result';
import type { Database } from '@weir/prisma/database';
import type { ActorScope } from '../../actor-scope.ts';
import type { QueueMail } from '../mail/queue-mail.ts';
import { createSecondFactorStore } from '../second-factors/second-factor-store.ts';
import { tellChange } from '../second-factors/tell-change.ts';
import { createUserStore } from '../users/user-store.ts';
import { withMember } from './managed-member.ts';
import { refuse, stillInvited, type MemberResult } from './member-rules.ts';
import { isPersons } from './membership.ts';

export interface MemberFactorReset {
  /**
   * Removes the authenticator app, the passkeys and the recovery codes of a member who has lost them, ends all their
   * sessions and tells them by mail.
   * @throws AppError UNAUTHENTICATED or FORBIDDEN.
   */
  resetSecondFactors(scope: ActorScope, id: Uuid): Promise<MemberResult>;
}

export interface MemberFactorResetDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly queueMail: QueueMail;
}

const ownFactors = () =>
  refuse('OWN_MEMBERSHIP', 'These are your own second factors: disable or remove them one by one.', 'id');
const belongsElsewhere = () =>
  refuse(
    'BELONGS_ELSEWHERE',
    'This person signs in elsewhere with the same second factors, so no single organization removes them: they need a recovery code.',
    'id',
  );

export function createMemberFactorReset({ db, clock, queueMail }: MemberFactorResetDeps): MemberFactorReset {
  return {
    resetSecondFactors: (scope, id) =>
      withMember(db, scope, 'member:resetFactors', id, async (member, { tx, actor }) => {
        if (!isPersons(member)) return stillInvited();
        const { userId, organizationId } = member;
        if (userId === actor.userId) return ownFactors();
        const reset = await createSecondFactorStore(tx).resetOfMember(userId, new Date(clock.now()));
        if (!reset) return belongsElsewhere();
        await tellChange(queueMail, tx, userId, 'reset');
        const [user] = await createUserStore(tx).byIds([userId]);
        await recordAudit(tx, scope.identity, {
          organizationId,
          action: 'mfa.reset',
          target: { type: 'user', id: userId, name: user?.email },
          metadata: { removedFactors: reset.factors, endedSessions: reset.sessions },
        });
        return ok(member);
      }),
  };
}
