import type { AuditAction } from '@weir/contracts/audit';
import { recordAudit } from '@weir/graphql/audit';
import { changesOf } from '@weir/graphql/audit-metadata';
import { authorize, canSee, requireSignedIn } from '@weir/graphql/authorization';
import {
  connectionOf,
  pageOf,
  type Connection,
  type ConnectionArgs,
  type KeysetOrder,
} from '@weir/graphql/connection';
import { userError } from '@weir/graphql/user-errors';
import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { topOf } from '../accounts/visible-subtree.ts';
import { ENVIRONMENTS, type Model, type ModelEnvironment, type ModelSettings } from './model.ts';
import { collisionsOf, problemsOfModel, problemsOfName, type ModelProblem } from './model-rules.ts';
import { createModelStore, type ModelQuery } from './model-store.ts';

export interface ModelRegistration extends ModelSettings {
  readonly organizationId: Uuid;
  readonly name: string;
}

export type ModelResult = Result<Model, readonly ModelProblem[]>;
type ModelFilter = Pick<ModelQuery, 'environment' | 'includeDisabled'>;

/** The registry of models. What changes in it is in force on the next request of every proxy. */
export interface ModelService {
  /**
   * Null when there is none that the actor can see.
   * @throws AppError UNAUTHENTICATED or FORBIDDEN.
   */
  byId(scope: ActorScope, id: Uuid): Promise<Model | null>;
  /** @throws AppError UNAUTHENTICATED, NOT_FOUND, FORBIDDEN, or BAD_USER_INPUT for impossible pages. */
  list(
    scope: ActorScope,
    organizationId: Uuid,
    args: ConnectionArgs & { readonly filter: ModelFilter },
  ): Promise<Connection<Model>>;
  /** The revisions of the same model, the latest first. */
  revisions(scope: ActorScope, model: Model): Promise<readonly Model[]>;
  /** A new model of the organization, or the next revision of one. @throws AppError as `list`. */
  register(scope: ActorScope, registration: ModelRegistration): Promise<ModelResult>;
  /** Absent members stay. @throws AppError UNAUTHENTICATED or FORBIDDEN. */
  update(scope: ActorScope, id: Uuid, settings: Partial<ModelSettings>): Promise<ModelResult>;
  setEnabled(scope: ActorScope, id: Uuid, isEnabled: boolean): Promise<ModelResult>;
  /** Offers a revision in a further environment. */
  promote(scope: ActorScope, id: Uuid, environment: ModelEnvironment): Promise<ModelResult>;
  remove(scope: ActorScope, id: Uuid): Promise<Result<Uuid, readonly ModelProblem[]>>;
}

const ORDER: KeysetOrder<Model> = { name: 'models.name', keyCount: 1, keysOf: (model) => [model.name] };

function nameOf(keys: readonly string[] | undefined): string | undefined {
  const name = keys?.[0];
  if (name !== undefined && /\p{Cc}/u.test(name))
    throw new AppError('BAD_USER_INPUT', 'after must be an endCursor of the same list.', { param: 'after' });
  return name;
}

const SETTINGS = [
  'aliases',
  'snapshots',
  'contextTokens',
  'maxOutputTokens',
  'minTier',
  'capabilities',
  'environments',
  'isEnabled',
] as const;

const noSuchModel = () => err([userError('NOT_FOUND', 'There is no model with this id.', 'id')] as const);
const notYours = () =>
  err([
    userError(
      'GLOBAL_MODEL',
      'This model is for everybody. Register one of the same name to hide it from your organization.',
      'id',
    ),
  ] as const);

export function createModelService(deps: { readonly db: Database; readonly clock: Clock }): ModelService {
  const { db, clock } = deps;

  async function authorizeWrite(scope: ActorScope, organizationId: Uuid): Promise<void> {
    authorize(scope.identity, 'model:write', { organizationId });
    if ((await topOf(scope)) !== undefined) {
      throw new AppError('FORBIDDEN', 'Only API keys of the root account may administer models.');
    }
  }

  /** Decides on the model as it is while nobody else changes names, and writes what was decided. */
  async function change(
    scope: ActorScope,
    id: Uuid,
    action: AuditAction,
    decide: (model: Model) => Partial<ModelSettings> & { readonly enabled?: boolean },
  ): Promise<ModelResult> {
    const found = await writable(scope, id);
    if (!found.ok) return found;
    const { organizationId } = found.value;
    const changed = await withTenant(db, tenantOf(scope.identity), async (tx) => {
      const store = createModelStore(tx);
      await store.lockNames(organizationId);
      const [model] = await store.byIds([id]);
      if (!model) return noSuchModel();
      const settings = decide(model);
      const problems = [
        ...problemsOfModel(settings),
        ...(settings.aliases || settings.snapshots
          ? collisionsOf({ ...model, ...settings }, await store.visible())
          : []),
      ];
      if (problems.length > 0) return err(problems);
      await store.update(id, settings);
      const [after] = await store.byIds([id]);
      if (!after) return noSuchModel();
      await recordAudit(tx, scope.identity, {
        organizationId,
        action,
        target: { type: 'model', id, name: model.name },
        metadata: { revision: model.revision, ...changesOf(model, after, SETTINGS) },
      });
      return ok(after);
    });
    if (changed.ok) scope.loaders.models.clear(id).prime(id, changed.value);
    return changed;
  }

  async function writable(
    scope: ActorScope,
    id: Uuid,
  ): Promise<Result<Model & { readonly organizationId: Uuid }, readonly ModelProblem[]>> {
    requireSignedIn(scope.identity);
    const model = await scope.loaders.models.load(id);
    if (!model) return noSuchModel();
    const { organizationId } = model;
    if (organizationId === null) return notYours();
    await authorizeWrite(scope, organizationId);
    return ok({ ...model, organizationId });
  }

  return {
    async byId({ identity, loaders }, id) {
      const model = await loaders.models.load(id);
      const organizationId = model?.organizationId ?? identity.organizationId;
      if (!model || organizationId === null) return null;
      return canSee(identity, 'organization:read', { organizationId }) ? model : null;
    },

    async list({ identity }, organizationId, { filter, ...args }) {
      authorize(identity, 'organization:read', { organizationId });
      const page = pageOf(args, ORDER);
      const after = nameOf(page.after);
      const rows = await withTenant(db, tenantOf(identity), (tx) =>
        createModelStore(tx).list({ ...filter, organizationId, after, take: page.take }),
      );
      return connectionOf(rows, page, ORDER);
    },

    async revisions({ loaders }, { name, organizationId }) {
      const all = await loaders.modelRevisions.load(name);
      return all.filter((model) => model.organizationId === organizationId);
    },

    async register(scope, { organizationId, name, ...settings }) {
      await authorizeWrite(scope, organizationId);
      const problems = [...problemsOfName(name), ...problemsOfModel(settings)];
      if (problems.length > 0) return err(problems);
      return withTenant(db, tenantOf(scope.identity), async (tx) => {
        const store = createModelStore(tx);
        await store.lockNames(organizationId);
        const visible = await store.visible();
        const collisions = collisionsOf({ ...settings, name }, visible);
        if (collisions.length > 0) return err(collisions);
        const own = visible.filter((model) => model.organizationId === organizationId && model.name === name);
        const revision = Math.max(0, ...own.map((model) => model.revision)) + 1;
        const id = newUuid(clock.now());
        await store.insert({ ...settings, id, organizationId, name, revision });
        const [registered] = await store.byIds([id]);
        if (!registered) throw new Error('a model is gone right after it was registered');
        await recordAudit(tx, scope.identity, {
          organizationId,
          action: 'model.register',
          target: { type: 'model', id, name },
          metadata: { revision },
        });
        return ok(registered);
      });
    },

    update: (scope, id, settings) => change(scope, id, 'model.update', () => settings),
    setEnabled: (scope, id, isEnabled) =>
      change(scope, id, isEnabled ? 'model.enable' : 'model.disable', () => ({ enabled: isEnabled })),
    promote: (scope, id, environment) =>
      change(scope, id, 'model.promote', (model) => ({
        environments: ENVIRONMENTS.filter(
          (known) => known === environment || model.environments.includes(known),
        ),
      })),

    async remove(scope, id) {
      const found = await writable(scope, id);
      if (!found.ok) return found;
      const { organizationId, name, revision } = found.value;
      await withTenant(db, tenantOf(scope.identity), async (tx) => {
        await createModelStore(tx).remove(id);
        await recordAudit(tx, scope.identity, {
          organizationId,
          action: 'model.delete',
          target: { type: 'model', id, name },
          metadata: { revision },
        });
      });
      scope.loaders.models.clear(id);
      return ok(id);
    },
  };
}
