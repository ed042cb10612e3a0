import { GraphQLError, type ExecutionResult, type GraphQLFormattedError } from 'graphql';
import type { AppError } from '@weir/kernel/errors';
import { extensionsOf } from '@weir/graphql/format-error';
import { withCompletionErrors } from '../errors/completion-errors.ts';
import { logMasked, publicError, withRequestId } from '../errors/public-error.ts';
import type { GatewayContext } from '../context.ts';

/** An event as a client receives it. graphql-ws serializes the errors itself and wants instances. */
export type EventResult = ExecutionResult;

interface RawResult {
  readonly data?: Record<string, unknown> | null | undefined;
  readonly errors?: readonly (GraphQLError | GraphQLFormattedError | Error)[] | undefined;
  readonly extensions?: Record<string, unknown> | undefined;
}

function formatted(
  error: GraphQLError | GraphQLFormattedError | Error,
  context: GatewayContext,
): GraphQLFormattedError {
  if (error instanceof GraphQLError) {
    logMasked(error, context.log);
    return publicError(error.toJSON(), error);
  }
  if (error instanceof Error) {
    const wrapped = new GraphQLError(error.message, { originalError: error });
    logMasked(wrapped, context.log);
    return publicError(wrapped.toJSON(), wrapped);
  }
  return publicError(error, undefined);
}

function instanceOf({ message, path, extensions }: GraphQLFormattedError): GraphQLError {
  return new GraphQLError(message, { path: path ?? null, extensions: extensions ?? null });
}

/** A result of the executor, or an event of the owner, with its errors as clients see them. */
export function toEventResult(result: RawResult, context: GatewayContext): EventResult {
  const { errors, extensions } = withCompletionErrors({
    errors: (result.errors ?? []).map((error) => formatted(error, context)),
    extensions: result.extensions,
  });
  return {
    ...(result.data === undefined ? {} : { data: result.data }),
    ...(errors.length === 0
      ? {}
      : { errors: errors.map((error) => instanceOf(withRequestId(error, context.requestId))) }),
    ...(extensions === undefined ? {} : { extensions: { ...extensions } }),
  };
}

/** The last event of a subscription that the gateway ends. */
export function lastWord(error: AppError): EventResult {
  return { errors: [new GraphQLError(error.detail, { extensions: extensionsOf(error) })] };
}
