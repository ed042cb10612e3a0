import type { Db } from '@weir/prisma/database';

const SLUG = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** A sentence about slugs that are refused. */
export const SLUG_RULE =
  'The slug must have 1 to 63 letters from a to z, digits and hyphens, and neither begin nor end with a hyphen.';

/** Trimmed and in lower case, or undefined when it is none. */
export function parseSlug(text: string): string | undefined {
  const slug = text.trim().toLowerCase();
  return SLUG.test(slug) ? slug : undefined;
}

/** In a transaction: whether any organization has it. Nobody else can take it until the transaction ends. */
export async function isSlugTaken(db: Db, slug: string): Promise<boolean> {
  const [row] = await db.$queryRaw<{ taken: boolean }[]>`select identity.slug_taken(${slug}) as taken`;
  return row?.taken ?? true;
}
