import { userError } from '@weir/graphql/user-errors';
import type { Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import type { Transaction } from '@weir/prisma/tenant';
import type { ActorScope } from '../../actor-scope.ts';
import type { RoleReference } from '../roles/role-id.ts';
import { createRoleStore } from '../roles/role-store.ts';
import { isOwner, permissionsOf, type Role } from '../roles/role.ts';
import type { AccountKind } from './account.ts';
import type { AccountProblem } from './account-rules.ts';
import { createAccountStore } from './account-store.ts';

interface Machine {
  readonly organizationId: Uuid;
  readonly kind: AccountKind;
  readonly name: string;
  /** Undefined for one that is made just now. */
  readonly id?: Uuid;
  /** Undefined leaves the role of one that is there. */
  readonly role?: RoleReference | undefined;
}

/**
 * What only service accounts have: a role, which can permit no more than its giver may, and a name that no other one
 * has. The caller keeps others from naming one meanwhile. Undefined where no role is to be written.
 */
export async function checkServiceAccount(
  tx: Transaction,
  scope: ActorScope,
  { organizationId, kind, name, id, role }: Machine,
): Promise<Result<Role | undefined, readonly AccountProblem[]>> {
  if (kind !== 'SERVICE_ACCOUNT') {
    return role === undefined
      ? ok(undefined)
      : err([userError('INVALID_ROLE', 'Only service accounts have a role.', 'roleId')]);
  }
  const other = await createAccountStore(tx).serviceAccountNamed(organizationId, name);
  if (other !== undefined && other !== id) {
    return err([
      userError('NAME_TAKEN', 'Another service account of the organization has this name.', 'name'),
    ]);
  }
  if (role !== undefined) return grantable(tx, scope, organizationId, role);
  if (id !== undefined) return ok(undefined);
  const message = 'A service account needs a role: make it with serviceAccountCreate.';
  return err([userError('INVALID_ROLE', message, 'kind')]);
}

async function grantable(
  tx: Transaction,
  { identity }: ActorScope,
  organizationId: Uuid,
  reference: RoleReference,
): Promise<Result<Role, readonly AccountProblem[]>> {
  const roles = createRoleStore(tx);
  // Nobody deletes the role while it is given.
  if (reference.kind === 'CUSTOM') await roles.lock(reference.id);
  const role = await roles.resolve(organizationId, reference);
  const refuse = (message: string) => err([userError('INVALID_ROLE', message, 'roleId')] as const);
  if (!role) return refuse('The organization has no role with this id.');
  if (isOwner(role))
    return refuse('An organization is owned by people: give the service account another role.');
  const above = permissionsOf(role).find((permission) => !identity.permissions.includes(permission));
  return above === undefined ? ok(role) : refuse(`The role has ${above}, which you do not have yourself.`);
}
