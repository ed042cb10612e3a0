import * as openid from 'openid-client';
import { z } from 'zod';
import type { OidcBegun, OidcCompleted, OidcCompleteRequest } from '@weir/contracts/oidc-sign-in';
import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import { isUuid, newUuid, type Uuid } from '@weir/kernel/ids';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import type { Logger } from '@weir/service/logger';
import { openSecret, type MasterKey } from '@weir/service/vault';
import type { OneTimeTokens } from '../one-time-tokens/one-time-tokens.ts';
import type { RateLimits } from '../rate-limits/rate-limits.ts';
import type { SecondFactors } from '../second-factors/second-factors.ts';
import type { BeginSession } from '../sessions/begin-session.ts';
import type { Client } from '../sessions/client.ts';
import type { SessionService, Tokens } from '../sessions/session-service.ts';
import { SECOND_FACTOR_TICKET_LIFE_MS } from '../sessions/sign-in-continue.ts';
import type { OidcClients, OidcConfiguration } from './oidc-client.ts';
import { LINK_TICKET_LIFE_MS } from './oidc-link.ts';
import { createOidcPeople, type Arrival, type OidcRefusal, type ProvenClaims } from './oidc-person.ts';
import { createOidcProviderStore } from './oidc-provider-store.ts';
import { oidcSecretBinding, redirectUriOf, type OidcProvider } from './oidc-provider.ts';

/** Signs people in through an OpenID provider: the part of the gateway's two addresses that knows secrets. */
export interface OidcSignIn {
  /** @throws AppError NOT_FOUND for a provider that is not there, UPSTREAM_ERROR for one that does not answer. */
  begin(providerId: Uuid, returnTo: string, invitation: string | null): Promise<OidcBegun>;
  /**
   * Failures count towards those of their network, but for a person's or provider's plain no.
   * @throws AppError INVALID_REQUEST for what does not belong to a sign-in that was begun, and was not completed;
   * RATE_LIMITED for a network with too many failures.
   */
  complete(providerId: Uuid, request: OidcCompleteRequest): Promise<OidcCompleted>;
}

export interface OidcSignInDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly masterKey: MasterKey;
  readonly clients: OidcClients;
  readonly oneTimeTokens: OneTimeTokens;
  readonly secondFactors: SecondFactors;
  readonly begin: BeginSession;
  readonly sessions: Pick<SessionService, 'complete'>;
  readonly rateLimits: RateLimits;
  readonly publicUrl: string;
  readonly log: Logger;
}

/** How long a person may take at the provider. */
const SIGN_IN_LIFE_MS = 10 * 60_000;

const contentSchema = z.object({
  providerId: z.string().refine(isUuid),
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  returnTo: z.string(),
  invitation: z.string().nullable(),
});

const INVALID =
  'This sign-in took too long, was completed before, or was begun in another browser. Begin anew.';

const tokensOf = ({ accessToken, refreshToken, refreshExpiresAt }: Tokens) => ({
  accessToken: accessToken.text,
  accessExpiresAtMs: accessToken.expiresAt.getTime(),
  refreshToken,
  refreshExpiresAtMs: refreshExpiresAt.getTime(),
});

export function createOidcSignIn(deps: OidcSignInDeps): OidcSignIn {
  const { db, masterKey, clients, oneTimeTokens, secondFactors, rateLimits, publicUrl, log } = deps;
  const personOf = createOidcPeople(deps);

  async function providerOf(id: Uuid): Promise<{ provider: OidcProvider; configuration: OidcConfiguration }> {
    const [provider, sealed] = await withTenant(db, { credential: id }, async (tx) => {
      const store = createOidcProviderStore(tx);
      return [await store.byId(id), await store.sealedSecretOf(id)] as const;
    });
    if (!provider || !sealed) throw new AppError('NOT_FOUND', 'There is no such sign-in provider.');
    const secret = openSecret(sealed, masterKey, oidcSecretBinding(id, sealed.version));
    try {
      return { provider, configuration: await clients.configurationOf(provider, secret.toString()) };
    } catch (cause) {
      throw new AppError(
        'UPSTREAM_ERROR',
        'The sign-in provider does not answer properly. Try again later.',
        {
          message: 'discovery of a sign-in provider failed',
          cause,
        },
      );
    } finally {
      secret.fill(0);
    }
  }

  /** Undefined when the provider refused, or anything of what it answered does not fit. */
  async function claimsOf(
    configuration: OidcConfiguration,
    callback: URL,
    content: z.output<typeof contentSchema>,
  ): Promise<ProvenClaims> {
    const tokens = await openid.authorizationCodeGrant(configuration, callback, {
      expectedState: content.state,
      expectedNonce: content.nonce,
      pkceCodeVerifier: content.verifier,
      idTokenExpected: true,
    });
    const idToken = tokens.claims();
    if (!idToken) throw new Error('no ID token');
    const claims =
      typeof idToken['email'] === 'string'
        ? idToken
        : await openid.fetchUserInfo(configuration, tokens.access_token, idToken.sub);
    const { email, email_verified: isVerified, name } = claims;
    return {
      subject: idToken.sub,
      email: typeof email === 'string' ? email : undefined,
      isEmailVerified: isVerified === true,
      name: typeof name === 'string' ? name : undefined,
    };
  }

  async function outcomeOf(arrival: Arrival & { readonly by: Client }): Promise<OidcCompleted['outcome']> {
    const person = await personOf(arrival);
    if (person.kind === 'refused') return { kind: 'refused', code: person.code };
    const { userId } = person;
    if (person.kind === 'link') {
      const content = { userId, providerId: arrival.provider.id, subject: arrival.claims.subject };
      return { kind: 'link', ticket: oneTimeTokens.issue('oidcLink', content, LINK_TICKET_LIFE_MS) };
    }
    const begun = await withTenant(db, { userId }, async (tx) => {
      const methods = await secondFactors.methodsOf(tx, userId);
      return methods.length > 0 ? undefined : deps.begin(tx, { id: userId }, arrival.by);
    });
    if (begun) return { kind: 'signedIn', tokens: tokensOf(await deps.sessions.complete(begun)) };
    const ticket = oneTimeTokens.issue('secondFactor', { userId }, SECOND_FACTOR_TICKET_LIFE_MS);
    return { kind: 'secondFactor', ticket };
  }

  return {
    async begin(providerId, returnTo, invitation) {
      const { configuration } = await providerOf(providerId);
      const [state, nonce, verifier] = [
        openid.randomState(),
        openid.randomNonce(),
        openid.randomPKCECodeVerifier(),
      ];
      const url = openid.buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUriOf(publicUrl, providerId),
        scope: 'openid email profile',
        state,
        nonce,
        code_challenge: await openid.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      const content = { providerId, state, nonce, verifier, returnTo, invitation };
      return {
        authorizationUrl: url.href,
        state: oneTimeTokens.issue('oidcSignIn', content, SIGN_IN_LIFE_MS),
      };
    },

    async complete(providerId, request) {
      const { ipAddress, userAgent } = request;
      const countFailure = (): Promise<void> => rateLimits.count('failureFromIp', ipAddress);
      await rateLimits.check('failureFromIp', ipAddress);
      const parsed = contentSchema.safeParse(oneTimeTokens.open('oidcSignIn', request.state));
      const callback = new URL(`${redirectUriOf(publicUrl, providerId)}?${request.query}`);
      const isOurs =
        parsed.success &&
        parsed.data.providerId === providerId &&
        parsed.data.state === callback.searchParams.get('state');
      if (!isOurs || !(await oneTimeTokens.spend(db, request.state))) {
        await countFailure();
        throw new AppError('INVALID_REQUEST', INVALID);
      }
      const content = parsed.data;
      const { provider, configuration } = await providerOf(providerId);
      const refused = (code: OidcRefusal): OidcCompleted => ({
        returnTo: content.returnTo,
        outcome: { kind: 'refused', code },
      });
      if (callback.searchParams.has('error')) return refused('PROVIDER_REFUSED');
      let claims: ProvenClaims;
      try {
        claims = await claimsOf(configuration, callback, content);
      } catch (thrown) {
        const { name, code } = thrown as { readonly name?: string; readonly code?: string };
        log.warn({ providerId, name, code }, 'what a sign-in provider answered was not accepted');
        await countFailure();
        return refused('PROVIDER_FAILED');
      }
      const by = { actor: { type: 'anonymous' as const }, requestId: newUuid(), ipAddress, userAgent };
      const arrival = { provider, claims, by, invitation: content.invitation };
      const outcome = await outcomeOf(arrival);
      if (outcome.kind === 'refused') await countFailure();
      return { returnTo: content.returnTo, outcome };
    },
  };
}
