import type { GraphQLFormattedError } from 'graphql';
import { z } from 'zod';
import { toAppError } from '@weir/kernel/errors';
import { extensionsOf } from '@weir/graphql/format-error';

const completionSchema = z.array(z.object({ path: z.array(z.union([z.string(), z.number()])).optional() }));

/** The members of a result that this looks at and replaces. */
export interface CompletableResult {
  readonly errors?: readonly GraphQLFormattedError[] | undefined;
  readonly extensions?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Apollo's executor hides nulls in non-null fields in `extensions.valueCompletion`, where no client looks. They are
 * failures of ours, so they become errors; the extension, which quotes the schema, goes.
 */
export function withCompletionErrors(result: CompletableResult): {
  readonly errors: readonly GraphQLFormattedError[];
  readonly extensions: Readonly<Record<string, unknown>> | undefined;
} {
  const { valueCompletion, ...extensions } = result.extensions ?? {};
  const completion = completionSchema.safeParse(valueCompletion);
  const internal = toAppError(new Error('a non-null field was null'));
  const added = (completion.data ?? []).map(({ path }) => ({
    message: internal.detail,
    ...(path === undefined ? {} : { path }),
    extensions: extensionsOf(internal),
  }));
  return {
    errors: [...(result.errors ?? []), ...added],
    extensions: Object.keys(extensions).length === 0 ? undefined : extensions,
  };
}
