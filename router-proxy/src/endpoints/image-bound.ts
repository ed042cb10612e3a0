import type { CallBound, Unbounded } from './endpoint.ts';
import { invalid, positiveInteger, type Members } from './request-members.ts';

/** How many images one request may ask for; providers allow ten. */
const IMAGES_MAX = 128;
const PARTIAL_IMAGES_MAX = 16;
const TOKENS_PER_REQUEST = 128;

/**
 * What images cost at most: `n` of them where they have a price, and where their tokens do, what the model is registered
 * to put out at most, for each image and for each sketch that is streamed before it.
 * @param bytes Of the texts in the request.
 */
export function boundImages(members: Members, bytes: number, unbounded: Unbounded | null): CallBound {
  const images = positiveInteger(members, 'n', IMAGES_MAX) ?? 1;
  return {
    inputTokensMax: bytes + TOKENS_PER_REQUEST,
    output: { kind: 'uncapped', choices: images * (1 + partialImages(members)) },
    imagesMax: images,
    unbounded,
  };
}

function partialImages(members: Members): number {
  return members['partial_images'] === 0
    ? 0
    : (positiveInteger(members, 'partial_images', PARTIAL_IMAGES_MAX) ?? 0);
}

/** A second model beside the one that lists, limits and prices know. */
export function refuseSecondModel({ svg }: Members): void {
  if (svg === undefined || svg === null) return;
  throw invalid(
    'svg',
    '"svg" is not supported: it names a second model, which could be neither checked nor priced.',
  );
}
