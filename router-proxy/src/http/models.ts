import type { SnapshotModel } from '@weir/contracts/policy-snapshot';
import { AppError } from '@weir/kernel/errors';
import { uuidTimeMs } from '@weir/kernel/ids';
import type { Dialect } from '../endpoints/endpoint.ts';
import type { Policy } from '../keys/policy.ts';
import { routeModel } from '../routing/model-route.ts';
import type { ReadRoute } from './read-routes.ts';

export const modelsRoute: ReadRoute = {
  path: '/v1/models',
  aliases: ['/models'],
  scope: 'inference:read',
  takesRest: 'perhaps',
  answer: ({ policy, dialect, rest }) =>
    rest === '' ? listModels(policy, dialect) : findModel(policy, rest, dialect),
};

/** A model as OpenAI's clients read it. */
interface OpenAiModel {
  readonly id: string;
  readonly object: 'model';
  /** Unix seconds. */
  readonly created: number;
  readonly owned_by: string;
}

/** A model as Anthropic's clients read it. */
interface AnthropicModel {
  readonly type: 'model';
  readonly id: string;
  readonly display_name: string;
  /** RFC 3339. */
  readonly created_at: string;
  readonly max_input_tokens: number;
  readonly max_tokens: number;
}

/** The models that the key may use, under their own names. They are few, so one page holds all. */
function listModels(policy: Policy, dialect: Dialect): object {
  const models = policy.snapshot.models.filter(({ name }) => isUsable(policy, name));
  if (dialect === 'openai') {
    return { object: 'list', data: models.map((model) => openAiModel(policy, model, model.name)) };
  }
  const data = models.map((model) => anthropicModel(model, model.name));
  return { data, has_more: false, first_id: data.at(0)?.id ?? null, last_id: data.at(-1)?.id ?? null };
}

/**
 * One model by any name that a request may use.
 * @throws AppError MODEL_NOT_FOUND, MODEL_NOT_ALLOWED
 */
function findModel(policy: Policy, name: string, dialect: Dialect): object {
  const { model } = routeModel(policy, name);
  return dialect === 'openai' ? openAiModel(policy, model, name) : anthropicModel(model, name);
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

function openAiModel({ snapshot }: Policy, model: SnapshotModel, id: string): OpenAiModel {
  return {
    id,
    object: 'model',
    created: Math.floor(uuidTimeMs(model.id) / 1_000),
    owned_by: snapshot.organization.slug,
  };
}

function anthropicModel(model: SnapshotModel, id: string): AnthropicModel {
  return {
    type: 'model',
    id,
    display_name: model.name,
    created_at: new Date(uuidTimeMs(model.id)).toISOString(),
    max_input_tokens: model.contextTokens,
    max_tokens: model.maxOutputTokens,
  };
}
