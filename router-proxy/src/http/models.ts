import type { SnapshotModel } from '@weir/contracts/policy-snapshot';
import { AppError } from '@weir/kernel/errors';
import { uuidTimeMs } from '@weir/kernel/ids';
import type { Policy } from '../keys/policy.ts';
import { routeModel } from '../routing/model-route.ts';
import type { ReadRoute } from './read-routes.ts';

export const modelsRoute: ReadRoute = {
  path: '/v1/models',
  aliases: ['/models'],
  scope: 'inference:read',
  takesRest: 'perhaps',
  answer: ({ policy, rest }) => (rest === '' ? listModels(policy) : findModel(policy, rest)),
};

/** A model as OpenAI's clients read it. */
interface ModelObject {
  readonly id: string;
  readonly object: 'model';
  /** Unix seconds. */
  readonly created: number;
  readonly owned_by: string;
}

/** The models that the key may use, under their own names. */
function listModels(policy: Policy): {
  readonly object: 'list';
  readonly data: readonly ModelObject[];
} {
  const data = policy.snapshot.models
    .filter(({ name }) => isUsable(policy, name))
    .map((model) => modelObject(policy, model, model.name));
  return { object: 'list', data };
}

/**
 * One model by any name that a request may use.
 * @throws AppError MODEL_NOT_FOUND, MODEL_NOT_ALLOWED
 */
function findModel(policy: Policy, name: string): ModelObject {
  return modelObject(policy, routeModel(policy, name).model, name);
}

function isUsable(policy: Policy, name: string): boolean {
  try {
    routeModel(policy, name);
    return true;
  } catch (thrown) {
    if (thrown instanceof AppError) return false;
    throw thrown;
  }
}

function modelObject({ snapshot }: Policy, model: SnapshotModel, id: string): ModelObject {
  return {
    id,
    object: 'model',
    created: Math.floor(uuidTimeMs(model.id) / 1_000),
    owned_by: snapshot.organization.slug,
  };
}
