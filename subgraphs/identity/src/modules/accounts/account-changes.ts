import { recordAudit } from '@weir/graphql/audit';
import { changesOf } from '@weir/graphql/audit-metadata';
import { authorize, requireSignedIn } from '@weir/graphql/authorization';
import { userError } from '@weir/graphql/user-errors';
import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import { encodeId, newUuid, type Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { UNRESTRICTED } from '../access/access-lists.ts';
import { BLANK_ROUTING, touchesLevels } from '../routing/routing.ts';
import {
  depthOf,
  dnaBelow,
  isWithin,
  type Account,
  type AccountKind,
  type AccountStatus,
} from './account.ts';
import { checkAccountChange, DEPTH_MAX, type AccountChange, type AccountProblem } from './account-rules.ts';
import { createAccountStore } from './account-store.ts';
import { createAccountTreeStore } from './account-tree-store.ts';
import { roleIdOf, type RoleReference } from '../roles/role-id.ts';
import { bindingNodesAbove, bindingNodesFrom } from './binding-nodes.ts';
import { belowMachine, changeableAccount, noSuchAccount, remember } from './changeable-account.ts';
import { checkServiceAccount } from './service-account-rules.ts';
import { topOf } from './visible-subtree.ts';

export interface AccountDeps {
  readonly db: Database;
  readonly clock: Clock;
}

export interface AccountCreation extends Omit<AccountChange, 'name'> {
  readonly parentId: Uuid;
  readonly kind: AccountKind;
  readonly name: string;
  /** Of a service account, which must have one. */
  readonly role?: RoleReference | undefined;
}

export interface AccountUpdate extends AccountChange {
  readonly id: Uuid;
  /** Of a service account. */
  readonly role?: RoleReference | undefined;
  readonly expectedVersion?: number | undefined;
}

export type AccountResult = Result<Account, readonly AccountProblem[]>;

/** Each rejects with AppError UNAUTHENTICATED or FORBIDDEN. What the actor cannot reach is a problem NOT_FOUND. */
export interface AccountChanges {
  /** Level, Gear, Tier and Rates are the parent's unless told; lists and limits bind through the chain. */
  create(scope: ActorScope, creation: AccountCreation): Promise<AccountResult>;
  update(scope: ActorScope, update: AccountUpdate): Promise<AccountResult>;
  /** Idempotent. Proxies refuse the next request below it, and end those that run. */
  setStatus(scope: ActorScope, id: Uuid, status: Exclude<AccountStatus, 'DELETED'>): Promise<AccountResult>;
}

const SETTINGS = [
  'name',
  'description',
  'access',
  'limits',
  'modelLimits',
  'routing',
  'tier',
  'ratesPpm',
] as const;

const NO_CHILDREN = { ratesPpmMin: null, tierMax: null };

const notFound = () => err([noSuchAccount]);

export function createAccountChanges({ db, clock }: AccountDeps): AccountChanges {
  return {
    async create(scope, creation) {
      requireSignedIn(scope.identity);
      const [parent, top] = await Promise.all([scope.loaders.accounts.load(creation.parentId), topOf(scope)]);
      const missing = err([
        userError('PARENT_NOT_FOUND', 'There is no account with this id.', 'parentId'),
      ] as const);
      if (!parent || parent.status === 'DELETED' || (top && !isWithin(parent, top))) return missing;
      const { organizationId } = parent;
      authorize(scope.identity, 'account:create', { organizationId });
      authorizeRouting(scope, organizationId, creation, top);
      return withTenant(db, tenantOf(scope.identity), async (tx) => {
        const store = createAccountStore(tx);
        await createAccountTreeStore(tx).lockTree(organizationId, lockModeOf(creation.kind));
        const locked = await store.lockParent(parent.id);
        if (!locked || locked.status === 'DELETED') return missing;
        // It may have been moved since it was looked at.
        const tooDeep = problemsOfPlace(locked, creation);
        if (tooDeep.length > 0) return err(tooDeep);
        const above = await bindingNodesFrom(tx, locked);
        const checked = checkAccountChange(inheritedFrom(locked, creation.name), creation, {
          above,
          parent: locked,
          children: NO_CHILDREN,
        });
        if (!checked.ok) return checked;
        const machine = await checkServiceAccount(tx, scope, {
          organizationId,
          ...creation,
          ...checked.value,
        });
        if (!machine.ok) return machine;
        const id = newUuid(clock.now());
        await store.insert({
          ...checked.value,
          ...(machine.value && { serviceRole: machine.value }),
          ...{ id, organizationId, parentId: locked.id, kind: creation.kind, dna: dnaBelow(locked) },
          createdAt: new Date(clock.now()),
        });
        await recordAudit(tx, scope.identity, {
          organizationId,
          action: 'account.create',
          target: { type: 'account', id, name: checked.value.name },
          metadata: {
            kind: creation.kind,
            parentId: encodeId('account', locked.id),
            ...(machine.value && { role: roleIdOf(machine.value) }),
          },
        });
        return written(scope, (await store.byIds([id])).at(0));
      });
    },

    async update(scope, { id, expectedVersion, role, ...change }) {
      const found = await changeableAccount(scope, id, 'account:update');
      if (!found) return notFound();
      authorizeRouting(scope, found.organizationId, change, await topOf(scope));
      return withTenant(db, tenantOf(scope.identity), async (tx) => {
        const store = createAccountStore(tx);
        await createAccountTreeStore(tx).lockTree(found.organizationId, lockModeOf(found.kind));
        const [placed] = await store.byIds([id]);
        const current = placed && (await store.lock(id, placed.parentId));
        if (!current || current.status === 'DELETED') return notFound();
        if (expectedVersion !== undefined && expectedVersion !== current.version) return conflict();
        const above = await bindingNodesAbove(tx, current);
        const [parent] = current.parentId === null ? [] : await store.byIds([current.parentId]);
        const children = await store.childBounds(id);
        const checked = checkAccountChange(current, change, { above, parent, children });
        if (!checked.ok) return checked;
        const machine = await checkServiceAccount(tx, scope, { ...current, ...checked.value, role });
        if (!machine.ok) return machine;
        await store.update(id, { ...checked.value, ...(machine.value && { serviceRole: machine.value }) });
        await recordAudit(tx, scope.identity, {
          organizationId: current.organizationId,
          action: 'account.update',
          target: { type: 'account', id, name: checked.value.name },
          metadata: {
            ...changesOf({ ...current }, { ...current, ...checked.value }, SETTINGS),
            ...(machine.value && { role: roleIdOf(machine.value) }),
          },
        });
        return written(scope, (await store.byIds([id])).at(0));
      });
    },

    async setStatus(scope, id, status) {
      const found = await changeableAccount(scope, id, 'account:update');
      if (!found) return notFound();
      return withTenant(db, tenantOf(scope.identity), async (tx) => {
        const store = createAccountStore(tx);
        await store.setStatus(id, status);
        await recordAudit(tx, scope.identity, {
          organizationId: found.organizationId,
          action: status === 'ACTIVE' ? 'account.activate' : 'account.suspend',
          target: { type: 'account', id, name: found.name },
        });
        return written(scope, (await store.byIds([id])).at(0));
      });
    },
  };
}

/** @throws AppError FORBIDDEN */
export function authorizeRouting(
  scope: ActorScope,
  organizationId: Uuid,
  { routing, tier }: Pick<AccountChange, 'routing' | 'tier'>,
  top: Account | undefined,
): void {
  if (routing) authorize(scope.identity, 'routing:write', { organizationId });
  if (top && (tier !== undefined || (routing && touchesLevels(routing)))) {
    throw new AppError(
      'FORBIDDEN',
      'Level, Gear, Tier, Level Mapper and Switch Over are the organization’s to give: an API key below its root cannot.',
    );
  }
}

function problemsOfPlace(parent: Account, { kind }: AccountCreation): AccountProblem[] {
  if (kind === 'OWNER') {
    return [
      userError('INVALID_KIND', 'An organization has one OWNER, its root: choose another kind.', 'kind'),
    ];
  }
  if (parent.kind === 'SERVICE_ACCOUNT') return [belowMachine('parentId')];
  if (depthOf(parent) + 1 >= DEPTH_MAX) {
    return [userError('TOO_DEEP', `Accounts can be at most ${DEPTH_MAX} deep.`, 'parentId')];
  }
  return [];
}

/** Names of service accounts are told apart, so that only one is made or named at a time. */
function lockModeOf(kind: AccountKind): 'shape' | 'account' {
  return kind === 'SERVICE_ACCOUNT' ? 'shape' : 'account';
}

/** A child begins with what its parent has; what binds through the chain is not repeated. */
function inheritedFrom({ routing, tier, ratesPpm }: Account, name: string) {
  return {
    name,
    description: '',
    access: UNRESTRICTED,
    limits: {},
    modelLimits: [],
    tier,
    ratesPpm,
    routing: { ...BLANK_ROUTING, level: routing.level, gear: routing.gear },
  };
}

function conflict() {
  const message = 'The account has changed meanwhile: read it again.';
  return err([userError('CONFLICT', message, 'expectedVersion')] as const);
}

function written(scope: ActorScope, account: Account | undefined): AccountResult {
  return account ? ok(remember(scope, account)) : notFound();
}
