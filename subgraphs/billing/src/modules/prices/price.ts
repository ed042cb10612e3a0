import type { Uuid } from '@weir/kernel/ids';
import type { Price } from '@weir/kernel/pricing';

/** A version of a model's price as an organization sees it. */
export interface PriceVersion extends Price {
  readonly id: Uuid;
  readonly model: string;
  /** Null: for everybody. */
  readonly organizationId: Uuid | null;
}
