import type { Uuid } from '@weir/kernel/ids';
import type { Price } from '@weir/kernel/pricing';

/** A version of a model's price as an organization sees it. */
export interface PriceVersion extends Price {
  readonly id: Uuid;
  readonly model: string;
}

/** The classes that are priced: nano-USD per million tokens, and per request, image and second of audio. */
export const PRICE_CLASSES = [
  'input',
  'cachedInput',
  'cacheWrite',
  'output',
  'reasoning',
  'perRequest',
  'perImage',
  'perAudioSecond',
] as const satisfies readonly (keyof Price)[];

export type PriceClass = (typeof PRICE_CLASSES)[number];
