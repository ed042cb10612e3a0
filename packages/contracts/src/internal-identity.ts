import { z } from 'zod';
import type { Uuid } from '@weir/kernel/ids';
import { PLATFORM_ROLES } from './platform-matrix.ts';
import { PERMISSIONS } from './permission-matrix.ts';

/** Who acts, as the gateway vouches for it to the subgraphs in a token that lives for seconds. */
const uuid = z.uuid().transform((text) => text as Uuid);

export const internalIdentitySchema = z.object({
  actor: z.discriminatedUnion('type', [
    z.object({
      type: z.literal('user'),
      userId: uuid,
      sessionId: uuid,
      /** Absent for everybody who does not operate the platform. */
      platformRole: z.enum(PLATFORM_ROLES).optional(),
      /** Of somebody who looks into an organization without belonging to it: they change nothing. */
      impersonationId: uuid.optional(),
    }),
    z.object({ type: z.literal('apiKey'), apiKeyId: uuid, accountId: uuid }),
    /** A program of a third party, with a token of the OAuth client credentials grant. */
    z.object({ type: z.literal('client'), clientId: uuid }),
    z.object({ type: z.literal('anonymous') }),
  ]),
  /** The organization the actor acts in; null for anonymous and for users without a membership. */
  organizationId: uuid.nullable(),
  permissions: z.array(z.enum(PERMISSIONS)),
  requestId: z.string(),
  ipAddress: z.string().nullable(),
  userAgent: z.string().nullable(),
});

export type InternalIdentity = z.output<typeof internalIdentitySchema>;

/** The header and the `graphql-ws` extension (`extensions.identity`) that carry the signed token. */
export const IDENTITY_HEADER = 'x-weir-identity';

/** Carries `WEIR_INTERNAL_SECRET` on requests between services that need no actor, such as the one below. */
export const INTERNAL_SECRET_HEADER = 'x-weir-internal-secret';

/** From where a credential was presented, for the trail of what is refused. */
const presentedFromSchema = internalIdentitySchema.pick({
  requestId: true,
  ipAddress: true,
  userAgent: true,
});

export type PresentedFrom = z.output<typeof presentedFromSchema>;

/** `POST /internal/authenticate` of the identity service: a credential in, who it is out; 401 otherwise. */
export const authenticateRequestSchema = z.union([
  z.object({
    accessToken: z.string(),
    /** A socket asks whether it may go on, which is no use of the session. */
    isWatching: z.boolean().optional(),
  }),
  z.object({ apiKey: z.string(), from: presentedFromSchema.optional() }),
]);

export const authenticatedSchema = internalIdentitySchema
  .pick({ actor: true, organizationId: true, permissions: true })
  .extend({
    expiresAtMs: z.number(),
    /** Lists of addresses and networks, each of which must hold the caller's address; absent where none restricts. */
    allowIps: z.array(z.array(z.string())).optional(),
  });

export type AuthenticateRequest = z.output<typeof authenticateRequestSchema>;
export type Authenticated = z.output<typeof authenticatedSchema>;

/** The public keys of access tokens, which the gateway publishes. */
export const JWKS_PATH = '/internal/jwks';

/** Streams the signals of the channel `session` to gateways. */
export const SESSION_SIGNALS_PATH = '/internal/session-signals';
/** How often the stream shows that it lives. */
export const SESSION_SIGNALS_BEAT_MS = 400;

/**
 * How the tokens of a session that begins or goes on get to a browser: the gateway asks for `cookie` in this header,
 * the identity service then keeps them out of its answer's body and hands them over in `SESSION_TOKENS_HEADER`.
 */
export const SESSION_DELIVERY_HEADER = 'x-weir-session-delivery';
/** The refresh token of the browser's cookie, for mutations that were not given one. */
export const REFRESH_TOKEN_HEADER = 'x-weir-refresh-token';
/** JSON of `sessionTokensSchema` in base64url; the word `end` when the browser's session is over. */
export const SESSION_TOKENS_HEADER = 'x-weir-session-tokens';
export const SESSION_ENDED = 'end';

export const sessionTokensSchema = z.object({
  accessToken: z.string(),
  accessExpiresAtMs: z.number(),
  refreshToken: z.string(),
  refreshExpiresAtMs: z.number(),
});

export type SessionTokens = z.output<typeof sessionTokensSchema>;
