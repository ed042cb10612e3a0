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
  ancestorIdsOf,
  dnaBelow,
  isWithin,
  type Account,
  type AccountKind,
  type AccountStatus,
} from './account.ts';
import { checkAccountChange, DEPTH_MAX, type AccountChange, type AccountProblem } from './account-rules.ts';
import { createAccountStore } from './account-store.ts';
import { bindingNodesAbove, bindingNodesFrom } from './binding-nodes.ts';
import { topOf } from './visible-subtree.ts';

export interface AccountCreation extends Omit<AccountChange, 'name'> {
  readonly parentId: Uuid;
  readonly kind: AccountKind;
  readonly name: string;
}

export interface AccountUpdate extends AccountChange {
  readonly id: Uuid;
  readonly expectedVersion?: number | undefined;
}

export type AccountResult = Result<Account, readonly AccountProblem[]>;

/** Each rejects with AppError UNAUTHENTICATED or FORBIDDEN. What the actor cannot reach is a problem NOT_FOUND. */
export interface AccountChanges {
  /** Level, Gear, Tier and Rates are the parent's unless told; lists and limits bind through the chain. */
  create(scope: ActorScope, creation: AccountCreation): Promise<AccountResult>;
  update(scope: ActorScope, update: AccountUpdate): Promise<AccountResult>;
  /** Idempotent. Proxies refuse the next request below it, and end those that run. */
  setStatus(scope: ActorScope, id: Uuid, status: AccountStatus): Promise<AccountResult>;
}

const SETTINGS = ['name', 'access', 'limits', 'modelLimits', 'routing', 'tier', 'ratesPpm'] as const;

const NO_CHILDREN = { ratesPpmMin: null, tierMax: null };

const notFound = () => err([userError('NOT_FOUND', 'There is no account with this id.', 'id')] as const);

export function createAccountChanges(deps: { readonly db: Database; readonly clock: Clock }): AccountChanges {
  const { db, clock } = deps;

  /** What is above an account decides about it, so that an API key changes what lies below its own account. */
  async function changeable(scope: ActorScope, id: Uuid): Promise<Account | undefined> {
    requireSignedIn(scope.identity);
    const [account, top] = await Promise.all([scope.loaders.accounts.load(id), topOf(scope)]);
    if (!account || (top && !isWithin(account, top))) return undefined;
    const { organizationId } = account;
    authorize(scope.identity, 'account:update', { organizationId, accountId: id });
    if (top?.id === id) {
      throw new AppError('FORBIDDEN', 'An API key changes accounts below its own, not its own.');
    }
    return account;
  }

  return {
    async create(scope, creation) {
      requireSignedIn(scope.identity);
      const [parent, top] = await Promise.all([scope.loaders.accounts.load(creation.parentId), topOf(scope)]);
      const missing = err([
        userError('PARENT_NOT_FOUND', 'There is no account with this id.', 'parentId'),
      ] as const);
      if (!parent || (top && !isWithin(parent, top))) return missing;
      const { organizationId } = parent;
      authorize(scope.identity, 'account:create', { organizationId });
      authorizeRouting(scope, organizationId, creation, top);
      const problems = problemsOfPlace(parent, creation);
      if (problems.length > 0) return err(problems);
      return withTenant(db, tenantOf(scope.identity), async (tx) => {
        const store = createAccountStore(tx);
        const locked = await store.lockParent(parent.id);
        if (!locked) return missing;
        const above = await bindingNodesFrom(tx, locked);
        const checked = checkAccountChange(inheritedFrom(locked, creation.name), creation, {
          above,
          parent: locked,
          children: NO_CHILDREN,
        });
        if (!checked.ok) return checked;
        const id = newUuid(clock.now());
        await store.insert({
          ...checked.value,
          ...{ id, organizationId, parentId: locked.id, kind: creation.kind, dna: dnaBelow(locked) },
          createdAt: new Date(clock.now()),
        });
        await recordAudit(tx, scope.identity, {
          organizationId,
          action: 'account.create',
          target: { type: 'account', id, name: checked.value.name },
          metadata: { kind: creation.kind, parentId: encodeId('account', locked.id) },
        });
        return written(scope, (await store.byIds([id])).at(0));
      });
    },

    async update(scope, { id, expectedVersion, ...change }) {
      const found = await changeable(scope, id);
      if (!found) return notFound();
      authorizeRouting(scope, found.organizationId, change, await topOf(scope));
      return withTenant(db, tenantOf(scope.identity), async (tx) => {
        const store = createAccountStore(tx);
        const current = await store.lock(id, found.parentId);
        if (!current) return notFound();
        if (expectedVersion !== undefined && expectedVersion !== current.version) return conflict();
        const above = await bindingNodesAbove(tx, current);
        const [parent] = current.parentId === null ? [] : await store.byIds([current.parentId]);
        const children = await store.childBounds(id);
        const checked = checkAccountChange(current, change, { above, parent, children });
        if (!checked.ok) return checked;
        await store.update(id, checked.value);
        await recordAudit(tx, scope.identity, {
          organizationId: current.organizationId,
          action: 'account.update',
          target: { type: 'account', id, name: checked.value.name },
          metadata: changesOf({ ...current }, { ...current, ...checked.value }, SETTINGS),
        });
        return written(scope, (await store.byIds([id])).at(0));
      });
    },

    async setStatus(scope, id, status) {
      const found = await changeable(scope, id);
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

function authorizeRouting(
  scope: ActorScope,
  organizationId: Uuid,
  { routing, tier }: AccountChange,
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
  if (ancestorIdsOf(parent).length + 1 >= DEPTH_MAX) {
    return [userError('TOO_DEEP', `Accounts can be at most ${DEPTH_MAX} deep.`, 'parentId')];
  }
  return [];
}

/** A child begins with what its parent has; what binds through the chain is not repeated. */
function inheritedFrom({ routing, tier, ratesPpm }: Account, name: string) {
  return {
    name,
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
  if (!account) return notFound();
  scope.loaders.accounts.clear(account.id).prime(account.id, account);
  return ok(account);
}
