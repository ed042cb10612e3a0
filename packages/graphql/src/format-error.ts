import { GraphQLError, type FormattedExecutionResult, type GraphQLFormattedError } from 'graphql';
import { ERRORS, toAppError, type AppError } from '@weir/kernel/errors';
import type { Logger } from '@weir/service/logger';

/** Codes of Apollo Server and graphql-js that say what is wrong with the caller's request; they pass with their message. */
const REQUEST_CODES: ReadonlySet<string> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
  'BAD_REQUEST',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_FOUND',
  'PERSISTED_QUERY_NOT_SUPPORTED',
]);

/** True for the closed set of `extensions.code` that clients may see. */
export function isPublicCode(code: unknown): code is string {
  return typeof code === 'string' && (Object.hasOwn(ERRORS, code) || REQUEST_CODES.has(code));
}

/** graphql-js and Apollo wrap what was thrown, sometimes twice; this is what was thrown. */
function thrownBehind(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError ? thrownBehind(error.originalError) : error;
}

/** The AppError behind whatever a resolver threw; what is unknown becomes INTERNAL. */
export function appErrorBehind(error: unknown): AppError {
  return toAppError(thrownBehind(error));
}

/** An AppError as `extensions`: the members that clients branch on. */
export function extensionsOf(error: AppError): Record<string, unknown> {
  return {
    code: error.code,
    ...(error.param === undefined ? {} : { param: error.param }),
    ...(error.details === undefined || error.spec.kind === 'platform' ? {} : { details: error.details }),
    ...(error.retryAfterSeconds === undefined
      ? {}
      : { retryAfterMs: Math.ceil(error.retryAfterSeconds * 1000) }),
  };
}

/** Logs what is no fault of the request itself, at the level of its code, with the cause that clients never see. */
export function logError(error: GraphQLError, log: Logger): void {
  if (requestErrorCode(error.toJSON(), error) !== undefined) return;
  const appError = appErrorBehind(error);
  // Every subscriber is told so when the service stops, which is no failure.
  if (appError.code === 'SHUTTING_DOWN') return;
  log[appError.spec.level](
    { err: appError, code: appError.code, path: error.path?.join('.') },
    'operation failed',
  );
}

/** The same error with a code: graphql-js itself gives none to syntax, validation and variable errors. */
export function withCode(error: GraphQLError, code: string): GraphQLError {
  return new GraphQLError(error.message, {
    ...(error.nodes === undefined ? {} : { nodes: error.nodes }),
    ...(error.source === undefined ? {} : { source: error.source }),
    ...(error.positions === undefined ? {} : { positions: error.positions }),
    ...(error.path === undefined ? {} : { path: error.path }),
    extensions: { code },
  });
}

/**
 * An AppError for places where graphql-js or graphql-ws want a GraphQLError.
 * @param httpStatus Status of the whole answer over HTTP; leave it out where other fields may still answer.
 */
export function toGraphQLError(error: AppError, httpStatus?: number): GraphQLError {
  const http = httpStatus === undefined ? {} : { http: { status: httpStatus } };
  return new GraphQLError(error.detail, {
    originalError: error,
    extensions: { ...extensionsOf(error), ...http },
  });
}

/** Errors of the request itself: made by the server and not by a resolver, so their message is safe to show. */
function requestErrorCode(formatted: GraphQLFormattedError, error: unknown): string | undefined {
  if (error instanceof GraphQLError && !(thrownBehind(error) instanceof GraphQLError)) return undefined;
  const code = formatted.extensions?.['code'];
  return typeof code === 'string' && REQUEST_CODES.has(code) ? code : undefined;
}

/**
 * What a client sees of an error. `extensions.code` is from a closed set; everything unknown is INTERNAL with a masked
 * message; stack traces never leave.
 */
export function formatError(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const place = {
    ...(formatted.locations === undefined ? {} : { locations: formatted.locations }),
    ...(formatted.path === undefined ? {} : { path: formatted.path }),
  };
  const code = requestErrorCode(formatted, error);
  if (code !== undefined) return { message: formatted.message, ...place, extensions: { code } };
  const appError = appErrorBehind(error);
  return { message: appError.detail, ...place, extensions: extensionsOf(appError) };
}

/** Errors as clients see them, for transports that Apollo Server does not serve; logs failures of ours. */
export function publicErrors(errors: readonly GraphQLError[], log: Logger): readonly GraphQLFormattedError[] {
  for (const error of errors) logError(error, log);
  return errors.map((error) => formatError(error.toJSON(), error));
}

/** A result with its errors as clients see them. */
export function publicResult(result: LooseResult, log: Logger): FormattedExecutionResult {
  const { data, errors, extensions } = result;
  return {
    ...(data === undefined ? {} : { data }),
    ...(errors === undefined ? {} : { errors: publicErrors(errors, log) }),
    ...(extensions === undefined ? {} : { extensions }),
  };
}

/** An ExecutionResult of graphql-js or of graphql-ws, which differ in whether a member may be undefined. */
interface LooseResult {
  readonly data?: Record<string, unknown> | null | undefined;
  readonly errors?: readonly GraphQLError[] | undefined;
  readonly extensions?: Record<string, unknown> | undefined;
}
