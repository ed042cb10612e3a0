import type { Uuid } from '@weir/kernel/ids';

export interface Model {
  readonly id: Uuid;
  /** Null for a model that every organization sees. */
  readonly organizationId: Uuid | null;
  readonly name: string;
  readonly aliases: readonly string[];
  readonly contextTokens: number;
  readonly maxOutputTokens: number;
  readonly isEnabled: boolean;
}
