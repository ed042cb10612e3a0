import type { ModelCapability } from '@weir/contracts/model-capability';
import type { Uuid } from '@weir/kernel/ids';

export const ENVIRONMENTS = ['DEVELOPMENT', 'STAGING', 'PRODUCTION'] as const;

export type ModelEnvironment = (typeof ENVIRONMENTS)[number];

/** One revision of a model. */
export interface Model {
  readonly id: Uuid;
  /** Null for a model that every organization sees. */
  readonly organizationId: Uuid | null;
  readonly name: string;
  readonly revision: number;
  /** Other names under which requests may ask for it. */
  readonly aliases: readonly string[];
  /** Names under which providers report it. */
  readonly snapshots: readonly string[];
  readonly contextTokens: number;
  readonly maxOutputTokens: number;
  readonly minTier: number;
  /** Empty for a model that may be used for anything. */
  readonly capabilities: readonly ModelCapability[];
  readonly environments: readonly ModelEnvironment[];
  readonly isEnabled: boolean;
  readonly createdAt: Date;
}

/** What people choose of a revision. */
export type ModelSettings = Pick<
  Model,
  'aliases' | 'snapshots' | 'contextTokens' | 'maxOutputTokens' | 'minTier' | 'capabilities' | 'environments'
>;

export function namesOf(model: Pick<Model, 'name' | 'aliases' | 'snapshots'>): readonly string[] {
  return [model.name, ...model.aliases, ...model.snapshots];
}
