import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  OAUTH_SCOPES,
  oauthIntrospectionSchema,
  oauthRevocationSchema,
  oauthTokenAnswerSchema,
  type OAuthIntrospection,
  type OAuthRevocation,
  type OAuthTokenAnswer,
} from '@weir/contracts/oauth-token';
import { AppError } from '@weir/kernel/errors';
import { err, ok, type Result } from '@weir/kernel/result';
import { originOf } from '../http/origin.ts';
import type { IdentityClient } from './identity-client.ts';

export interface OAuthOptions {
  readonly identity: IdentityClient;
  /** Where programs reach the gateway; without it there is no metadata. */
  readonly publicUrl: string | undefined;
}

/** An error of RFC 6749 §5.2. */
interface OAuthError {
  readonly status: number;
  readonly error: string;
  readonly description: string;
}

const BODY_BYTES_MAX = 8_192;
const TOKEN_PATH = '/oauth2/token';
const GRANT = 'client_credentials';
const AUTH_METHODS = ['client_secret_basic', 'client_secret_post'];
const refusalSchema = z.object({ error: z.string(), error_description: z.string() });

interface ClientCredentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

const invalid = (description: string): OAuthError => ({ status: 400, error: 'invalid_request', description });
const UNKNOWN: OAuthError = {
  status: 401,
  error: 'invalid_client',
  description: 'Send the client id and its secret.',
};

function basicCredentials(header: string): ClientCredentials | undefined {
  const [, encoded] = /^Basic +([\w+/=-]+)$/i.exec(header.trim()) ?? [];
  const text = Buffer.from(encoded ?? '', 'base64').toString();
  const at = text.indexOf(':');
  if (at < 1) return undefined;
  try {
    // RFC 6749 §2.3.1: both parts are form-encoded before they are put together.
    const [clientId, clientSecret] = [text.slice(0, at), text.slice(at + 1)].map(decodeURIComponent);
    return clientId && clientSecret ? { clientId, clientSecret } : undefined;
  } catch {
    return undefined;
  }
}

/** In the header or in the body; a request that does both is refused (RFC 6749 §2.3). */
function credentialsOf(header: string | undefined, form: URLSearchParams): ClientCredentials | OAuthError {
  const [clientId, clientSecret] = [form.get('client_id'), form.get('client_secret')];
  if (header !== undefined) {
    if (clientSecret !== null) return invalid('Authenticate in one way only: in the header or in the body.');
    const credentials = basicCredentials(header);
    if (credentials && clientId !== null && clientId !== credentials.clientId) {
      return invalid('client_id differs from the one in the header.');
    }
    return credentials ?? UNKNOWN;
  }
  return clientId && clientSecret ? { clientId, clientSecret } : UNKNOWN;
}

function sendError(reply: FastifyReply, { status, error, description }: OAuthError): FastifyReply {
  if (status === 401) void reply.header('www-authenticate', 'Basic realm="weir"');
  return reply.code(status).send({ error, error_description: description });
}

/** What the platform could not decide is told as such, never as a refusal of the client. */
function sendFailure(reply: FastifyReply, thrown: unknown): FastifyReply {
  if (!(thrown instanceof AppError)) throw thrown;
  const { retryAfterSeconds, detail, spec } = thrown;
  if (retryAfterSeconds !== undefined) void reply.header('retry-after', String(retryAfterSeconds));
  return reply.code(spec.status).send({ error: 'temporarily_unavailable', error_description: detail });
}

/** One endpoint: what its form has to hold, and who answers it. */
interface Endpoint<Answer extends object> {
  readonly path: string;
  /** Of the request, or what is wrong with them. */
  parametersOf(form: URLSearchParams): Result<object, OAuthError>;
  readonly internalPath: string;
  readonly answer: z.ZodType<Answer>;
  /** What a program gets of an answer that is no error; nothing for an empty body. */
  bodyOf(answer: Answer): object | undefined;
}

const TOKEN: Endpoint<OAuthTokenAnswer> = {
  path: TOKEN_PATH,
  parametersOf(form) {
    const grant = form.get('grant_type');
    if (grant === null) return err(invalid('grant_type is missing.'));
    if (grant === GRANT) return ok({ scope: form.get('scope') });
    return err({ status: 400, error: 'unsupported_grant_type', description: `Only ${GRANT} is supported.` });
  },
  internalPath: '/internal/oauth/token',
  answer: oauthTokenAnswerSchema,
  bodyOf: (answer) => answer,
};

/** `token_type_hint` helps to find a token, which is not needed here. */
function tokenOf(form: URLSearchParams): Result<object, OAuthError> {
  const token = form.get('token');
  return token ? ok({ token }) : err(invalid('token is missing.'));
}

const INTROSPECTION: Endpoint<OAuthIntrospection> = {
  path: '/oauth2/introspect',
  parametersOf: tokenOf,
  internalPath: '/internal/oauth/introspection',
  answer: oauthIntrospectionSchema,
  bodyOf: (answer) => answer,
};

const REVOCATION: Endpoint<OAuthRevocation> = {
  path: '/oauth2/revoke',
  parametersOf: tokenOf,
  internalPath: '/internal/oauth/revocation',
  answer: oauthRevocationSchema,
  bodyOf: () => undefined,
};

function serve<Answer extends object>(
  app: FastifyInstance,
  identity: IdentityClient,
  endpoint: Endpoint<Answer>,
): void {
  app.post(endpoint.path, async (request: FastifyRequest, reply) => {
    void reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' });
    const form = request.body;
    if (!(form instanceof URLSearchParams)) {
      return sendError(reply, invalid('Send the parameters as application/x-www-form-urlencoded.'));
    }
    if (new Set(form.keys()).size !== [...form.keys()].length) {
      return sendError(reply, invalid('A parameter is given more than once.'));
    }
    const parameters = endpoint.parametersOf(form);
    if (!parameters.ok) return sendError(reply, parameters.error);
    const credentials = credentialsOf(request.headers.authorization, form);
    if ('error' in credentials) return sendError(reply, credentials);
    const { ipAddress } = originOf(request.headers, request.ip);
    try {
      const asked = { ...credentials, ...parameters.value, ipAddress };
      const answer = await identity.post(endpoint.internalPath, asked, endpoint.answer);
      const refusal = refusalSchema.safeParse(answer);
      if (!refusal.success) return await reply.send(endpoint.bodyOf(answer));
      const { error, error_description: description } = refusal.data;
      return await sendError(reply, { status: error === 'invalid_client' ? 401 : 400, error, description });
    } catch (thrown) {
      return sendFailure(reply, thrown);
    }
  });
}

/**
 * The token endpoint of the client credentials grant, what becomes of its tokens, and the metadata by which programs find
 * all of it (RFC 6749, RFC 7009, RFC 7662, RFC 8414).
 */
export function serveOAuth(app: FastifyInstance, { identity, publicUrl }: OAuthOptions): void {
  void app.register((scope, _, done) => {
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: BODY_BYTES_MAX },
      (_request, body, parsed) => {
        parsed(null, new URLSearchParams(String(body)));
      },
    );
    serve(scope, identity, TOKEN);
    serve(scope, identity, INTROSPECTION);
    serve(scope, identity, REVOCATION);
    done();
  });

  if (publicUrl === undefined) return;
  const issuer = publicUrl.replace(/\/+$/, '');
  app.get('/.well-known/oauth-authorization-server', (_, reply) =>
    reply.send({
      issuer,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      token_endpoint: `${issuer}${TOKEN.path}`,
      introspection_endpoint: `${issuer}${INTROSPECTION.path}`,
      revocation_endpoint: `${issuer}${REVOCATION.path}`,
      grant_types_supported: [GRANT],
      response_types_supported: [],
      scopes_supported: OAUTH_SCOPES,
      token_endpoint_auth_methods_supported: AUTH_METHODS,
      introspection_endpoint_auth_methods_supported: AUTH_METHODS,
      revocation_endpoint_auth_methods_supported: AUTH_METHODS,
    }),
  );
}
