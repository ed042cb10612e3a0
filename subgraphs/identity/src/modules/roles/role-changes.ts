import type { AuditAction } from '@weir/contracts/audit';
import { recordAudit } from '@weir/graphql/audit';
import { changesOf, type AuditMetadata } from '@weir/graphql/audit-metadata';
import { authorize, requireSignedIn } from '@weir/graphql/authorization';
import { userError } from '@weir/graphql/user-errors';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { isUniqueViolation } from '../../unique-violation.ts';
import { createOrganizationStore } from '../organizations/organization-store.ts';
import { checkRole, type RoleDraft, type RoleProblem } from './role-rules.ts';
import { createRoleStore } from './role-store.ts';
import type { RoleDeps } from './role-service.ts';
import type { RoleReference } from './role-id.ts';
import type { CustomRole } from './role.ts';

export interface RoleCreation extends RoleDraft {
  readonly organizationId: Uuid;
}

/** Undefined leaves a member as it is. */
export interface RoleUpdate {
  readonly role: RoleReference;
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly permissions: readonly string[] | undefined;
  readonly expectedVersion: number | undefined;
}

export type RoleResult = Result<CustomRole, readonly RoleProblem[]>;

export interface RoleChanges {
  /** @throws AppError UNAUTHENTICATED, NOT_FOUND for another organization, or FORBIDDEN. */
  create(scope: ActorScope, creation: RoleCreation): Promise<RoleResult>;
  /** @throws AppError UNAUTHENTICATED or FORBIDDEN. */
  update(scope: ActorScope, update: RoleUpdate): Promise<RoleResult>;
  /** @throws AppError UNAUTHENTICATED or FORBIDDEN. */
  delete(scope: ActorScope, role: RoleReference): Promise<RoleResult>;
}

/** A page of roles is cut from all of them, and a person can choose among so many. */
const ROLES_MAX = 100;

const refuse = (...problem: Parameters<typeof userError<RoleProblem['code']>>) =>
  err([userError(...problem)]);
const noSuchRole = () => refuse('NOT_FOUND', 'There is no custom role with this id.', 'id');
const nameTaken = () => refuse('NAME_TAKEN', 'Another role of the organization has this name.', 'name');

async function audit(
  tx: Transaction,
  { identity }: ActorScope,
  action: AuditAction,
  { id, organizationId, name }: CustomRole,
  metadata: AuditMetadata = {},
): Promise<void> {
  await recordAudit(tx, identity, { organizationId, action, target: { type: 'role', id, name }, metadata });
}

async function orNameTaken(work: Promise<RoleResult>): Promise<RoleResult> {
  try {
    return await work;
  } catch (thrown) {
    if (isUniqueViolation(thrown)) return nameTaken();
    throw thrown;
  }
}

export function createRoleChanges({ db, clock }: RoleDeps): RoleChanges {
  /** The role, locked, when the actor may change it: it must permit nothing that the actor may not. */
  async function changeable(
    tx: Transaction,
    { identity }: ActorScope,
    reference: RoleReference,
  ): Promise<RoleResult> {
    const { organizationId } = identity;
    if (organizationId === null) return noSuchRole();
    if (reference.kind === 'SYSTEM') {
      authorize(identity, 'role:write', { organizationId });
      return refuse('SYSTEM_ROLE', 'System roles are the same everywhere and never change.', 'id');
    }
    const role = await createRoleStore(tx).lock(reference.id);
    if (!role) return noSuchRole();
    authorize(identity, 'role:write', { organizationId: role.organizationId });
    const above = role.permissions.find((permission) => !identity.permissions.includes(permission));
    if (above === undefined) return ok(role);
    return refuse('PERMISSION_NOT_GRANTABLE', `The role has ${above}, which you do not have yourself.`, 'id');
  }

  return {
    async create(scope, { organizationId, ...draft }) {
      authorize(scope.identity, 'role:write', { organizationId });
      const checked = checkRole(draft, scope.identity.permissions);
      if (!checked.ok) return checked;
      const work = withTenant(db, tenantOf(scope.identity), async (tx): Promise<RoleResult> => {
        const roles = createRoleStore(tx);
        // So that two at once do not both become the hundredth.
        await createOrganizationStore(tx).lock(organizationId);
        if ((await roles.all(organizationId)).length >= ROLES_MAX) {
          return refuse('TOO_MANY_ROLES', `An organization has at most ${ROLES_MAX} roles of its own.`);
        }
        const id = newUuid(clock.now());
        await roles.insert({ ...checked.value, id, organizationId });
        const [role] = await roles.byIds([id]);
        if (!role) throw new Error('a role that was just written is there');
        await audit(tx, scope, 'role.create', role, { permissions: role.permissions });
        return ok(role);
      });
      return orNameTaken(work);
    },

    async update(scope, { role, expectedVersion, ...change }) {
      requireSignedIn(scope.identity);
      const work = withTenant(db, tenantOf(scope.identity), async (tx): Promise<RoleResult> => {
        const found = await changeable(tx, scope, role);
        if (!found.ok) return found;
        const current = found.value;
        if (expectedVersion !== undefined && expectedVersion !== current.version) {
          return refuse('CONFLICT', 'The role has changed meanwhile: read it again.', 'expectedVersion');
        }
        const draft = {
          name: change.name ?? current.name,
          description: change.description ?? current.description,
          permissions: change.permissions ?? current.permissions,
        };
        const checked = checkRole(draft, scope.identity.permissions);
        if (!checked.ok) return checked;
        await createRoleStore(tx).update(current.id, checked.value);
        const [updated] = await createRoleStore(tx).byIds([current.id]);
        if (!updated) return noSuchRole();
        const changes = changesOf(current, updated, ['name', 'description', 'permissions']);
        await audit(tx, scope, 'role.update', updated, { changes });
        return ok(updated);
      });
      return orNameTaken(work);
    },

    async delete(scope, role) {
      requireSignedIn(scope.identity);
      const { organizationId } = scope.identity;
      return withTenant(db, tenantOf(scope.identity), async (tx): Promise<RoleResult> => {
        // Keeps others from giving the role to somebody meanwhile.
        if (organizationId !== null) await createOrganizationStore(tx).lock(organizationId);
        const found = await changeable(tx, scope, role);
        if (!found.ok) return found;
        const { id } = found.value;
        const roles = createRoleStore(tx);
        const holders = await roles.holderCountOf(id);
        if (holders > 0) {
          const message = `${holders} members, invited people or service accounts have this role: give them another one first.`;
          return refuse('IN_USE', message, 'id');
        }
        await roles.delete(id);
        await audit(tx, scope, 'role.delete', found.value);
        return found;
      });
    },
  };
}
