import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { oidcBegunSchema, oidcCompletedSchema, type OidcCompleted } from '@weir/contracts/oidc-sign-in';
import { AppError } from '@weir/kernel/errors';
import { originOf } from '../http/origin.ts';
import type { IdentityClient } from './identity-client.ts';
import type { ReturnTo } from './return-to.ts';
import { valueOfCookie, type SessionCookies } from './session-cookies.ts';

export interface OidcOptions {
  readonly identity: IdentityClient;
  readonly cookies: SessionCookies;
  readonly publicUrl: string | undefined;
  readonly returnTo: ReturnTo;
}

const PATH = '/auth/oidc/:providerId';
const STATE_SECONDS = 600;

type Params = Readonly<Record<'providerId', string>>;
type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

const textOf = (value: string | readonly string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;

/** What the page finds in the fragment of its address; it never reaches a server or a log. */
function fragmentOf(outcome: OidcCompleted['outcome']): string {
  switch (outcome.kind) {
    case 'signedIn':
      return '';
    case 'secondFactor':
      return `#second_factor=${outcome.ticket}`;
    case 'link':
      return `#link=${outcome.ticket}`;
    case 'refused':
      return `#error=${encodeURIComponent(outcome.code)}`;
  }
}

/**
 * Signing in through an OpenID provider: the browser leaves by `login` with a sealed state in a cookie, and comes back
 * by `callback`, where it gets the cookies of a session.
 */
export function serveOidc(app: FastifyInstance, options: OidcOptions): void {
  const { identity, cookies, publicUrl, returnTo } = options;
  const isSecure = publicUrl?.startsWith('https:') ?? false;
  const name = `${isSecure ? '__Host-' : ''}weir-oidc`;
  // The browser comes back by a link on a page of the provider, so the cookie may not be `Strict`.
  const attributes = `Path=/; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`;
  const stateCookie = (value: string, seconds: number): string =>
    `${name}=${value}; ${attributes}; Max-Age=${seconds}`;

  const send = (reply: FastifyReply, url: string, setCookies: readonly string[]): FastifyReply =>
    reply
      .code(303)
      .headers({
        location: url,
        'set-cookie': [...setCookies],
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
      })
      .send();

  app.get<{ Params: Params; Querystring: Query }>(`${PATH}/login`, async (request, reply) => {
    const target = returnTo(textOf(request.query['return_to']) ?? '/');
    if (target === undefined) {
      throw new AppError('INVALID_REQUEST', 'return_to must be an address of this platform.', {
        param: 'return_to',
      });
    }
    const { ipAddress } = originOf(request.headers, request.ip);
    const { providerId } = request.params;
    const invitation = textOf(request.query['invitation']) ?? null;
    const body = { providerId, returnTo: target, invitation, ipAddress };
    const { authorizationUrl, state } = await identity.post('/internal/oidc/begin', body, oidcBegunSchema);
    return send(reply, authorizationUrl, [stateCookie(state, STATE_SECONDS)]);
  });

  app.get<{ Params: Params }>(
    `${PATH}/callback`,
    async (request: FastifyRequest<{ Params: Params }>, reply) => {
      const { ipAddress, userAgent } = originOf(request.headers, request.ip);
      const { providerId } = request.params;
      const state = valueOfCookie(request.headers.cookie, name) ?? '';
      const [, query = ''] = request.url.split('?', 2);
      const body = { providerId, state, query, ipAddress, userAgent };
      const { outcome, ...completed } = await identity.post(
        '/internal/oidc/complete',
        body,
        oidcCompletedSchema,
      );
      const session = outcome.kind === 'signedIn' ? cookies.issue(outcome.tokens) : [];
      return send(reply, completed.returnTo + fragmentOf(outcome), [stateCookie('', 0), ...session]);
    },
  );
}
