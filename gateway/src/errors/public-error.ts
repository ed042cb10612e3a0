import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { AppError, toAppError } from '@weir/kernel/errors';
import { extensionsOf, isPublicCode } from '@weir/graphql/format-error';
import type { Logger } from '@weir/service/logger';

/** The members of `extensions` that leave; what else a subgraph or a library adds (addresses, bodies, names) stays. */
const PUBLIC_EXTENSIONS = ['code', 'requestId', 'param', 'details', 'retryAfterMs'] as const;

function thrownBehind(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError ? thrownBehind(error.originalError) : error;
}

/** The error itself when it is one that may be shown, else the masked one that takes its place. */
function appErrorOf(error: unknown, code: unknown): AppError | undefined {
  const thrown = thrownBehind(error);
  if (thrown instanceof AppError) return thrown;
  return isPublicCode(code) && code !== 'INTERNAL' ? undefined : toAppError(thrown);
}

function publicExtensions(
  extensions: Readonly<Record<string, unknown>> | undefined,
): Record<string, unknown> {
  return Object.fromEntries(
    PUBLIC_EXTENSIONS.flatMap((name) => (extensions?.[name] === undefined ? [] : [[name, extensions[name]]])),
  );
}

/** The executor writes `@` for "each element of the list" and `_entities` for a whole fetch: no places in a response. */
function responsePath(path: GraphQLFormattedError['path']): GraphQLFormattedError['path'] {
  if (path === undefined) return undefined;
  const end = path.findIndex((segment) => segment === '@' || segment === '_entities');
  return end === -1 ? path : path.slice(0, end);
}

/**
 * What a client of the gateway sees of an error, its own or a subgraph's: message, place and the public extensions.
 * What has no public code is INTERNAL with a masked message.
 */
export function publicError(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const { locations } = formatted;
  const path = responsePath(formatted.path);
  const place = {
    ...(locations === undefined ? {} : { locations }),
    ...(path === undefined ? {} : { path }),
  };
  const appError = appErrorOf(error, formatted.extensions?.['code']);
  if (appError === undefined) {
    return { message: formatted.message, ...place, extensions: publicExtensions(formatted.extensions) };
  }
  const { requestId } = publicExtensions(formatted.extensions);
  return {
    message: appError.detail,
    ...place,
    extensions: { ...extensionsOf(appError), ...(requestId === undefined ? {} : { requestId }) },
  };
}

/** Logs what clients see masked, with its cause. A subgraph has logged its own failures already. */
export function logMasked(error: GraphQLError, log: Logger): void {
  const appError = appErrorOf(error, error.extensions['code']);
  if (appError === undefined || appError.spec.level === 'info') return;
  if (typeof error.extensions['serviceName'] === 'string' && error.extensions['code'] === 'INTERNAL') return;
  log[appError.spec.level](
    { err: appError, code: appError.code, path: error.path?.join('.') },
    'operation failed',
  );
}

/** The same error with the request id that people quote to support. */
export function withRequestId(error: GraphQLFormattedError, requestId: string): GraphQLFormattedError {
  return { ...error, extensions: { ...error.extensions, requestId } };
}
