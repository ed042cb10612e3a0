import type { PlatformRole } from '@weir/contracts/platform-matrix';
import { recordAudit } from '@weir/graphql/audit';
import { changesOf } from '@weir/graphql/audit-metadata';
import { authorizePlatform } from '@weir/graphql/platform-authorization';
import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import { err, ok, type Result } from '@weir/kernel/result';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import type { ActorScope } from '../../actor-scope.ts';
import type { PlatformPersonErrorCode } from '../../generated/resolvers-types.ts';
import { createUserStore } from '../users/user-store.ts';
import { normalizeEmail, type User } from '../users/user.ts';
import { createPlatformPeopleStore } from './platform-people-store.ts';

export interface PlatformRoleOrder {
  readonly email: string;
  /** Null takes away the one that they have. */
  readonly role: PlatformRole | null;
}

type PlatformPersonResult = Result<User, readonly UserErrorValue<PlatformPersonErrorCode>[]>;

export interface PlatformPeopleService {
  /**
   * Says what somebody may do on the platform itself.
   * @throws AppError UNAUTHENTICATED or FORBIDDEN.
   */
  setRole(scope: ActorScope, order: PlatformRoleOrder): Promise<PlatformPersonResult>;
}

const NO_SUCH_PERSON = userError('NO_SUCH_PERSON', 'Nobody who has signed up has this address: ask them to sign up or to accept an invitation first.', 'email'); // prettier-ignore
const LAST_SYSTEM_ADMIN = userError('LAST_SYSTEM_ADMIN', 'They are the last system administrator: make somebody else one first.', 'role'); // prettier-ignore

/** A role needs somebody who has proven the address; it is taken away from anybody. */
const mayHave = (role: PlatformRole | null, { status }: User): boolean =>
  role === null || status === 'ACTIVE';

export function createPlatformPeopleService({ db }: { readonly db: Database }): PlatformPeopleService {
  return {
    async setRole({ identity }, { email: address, role }) {
      authorizePlatform(identity, 'platformPerson:update');
      const email = normalizeEmail(address);
      if (email === undefined) return err([NO_SUCH_PERSON]);
      const found = await withTenant(db, { credential: email }, (tx) => createUserStore(tx).byEmail(email));
      if (!found) return err([NO_SUCH_PERSON]);
      return withTenant(db, { userId: found.id }, async (tx): Promise<PlatformPersonResult> => {
        const [people, users] = [createPlatformPeopleStore(tx), createUserStore(tx)];
        await people.lock();
        const [person] = await users.byIds([found.id]);
        if (!person || !mayHave(role, person)) return err([NO_SUCH_PERSON]);
        if (person.platformRole === role) return ok(person);
        const isLast =
          person.platformRole === 'SYSTEM_ADMIN' && (await people.systemAdminsBeside(person.id)) === 0;
        if (isLast) return err([LAST_SYSTEM_ADMIN]);
        const changed = { ...person, platformRole: role };
        await users.setPlatformRole(person.id, role);
        await recordAudit(tx, identity, {
          organizationId: null,
          action: 'platform.role.set',
          target: { type: 'user', id: person.id, name: person.email },
          metadata: changesOf<User>(person, changed, ['platformRole']),
        });
        return ok(changed);
      });
    },
  };
}
