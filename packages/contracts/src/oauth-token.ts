import { z } from 'zod';

/** `POST /internal/oauth/token`: what a program sent to the token endpoint of the gateway. */
export const oauthTokenRequestSchema = z.object({
  clientId: z.string().max(64),
  clientSecret: z.string().max(256),
  /** Separated by spaces; null asks for all that the client has. */
  scope: z.string().max(1_024).nullable(),
  ipAddress: z.string().nullable(),
});

/** The answer of RFC 6749 §5.1, or the error of §5.2. */
export const oauthTokenAnswerSchema = z.union([
  z.object({
    access_token: z.string(),
    token_type: z.literal('Bearer'),
    expires_in: z.number(),
    scope: z.string(),
  }),
  z.object({ error: z.enum(['invalid_client', 'invalid_scope']), error_description: z.string() }),
]);

const invalidClientSchema = z.object({ error: z.literal('invalid_client'), error_description: z.string() });

/** `POST /internal/oauth/introspection` and `/internal/oauth/revocation`: a client asks about a token. */
export const oauthTokenUseSchema = oauthTokenRequestSchema
  .omit({ scope: true })
  .extend({ token: z.string().max(8_192) });

/** The answer of RFC 7662 §2.2; of a token that is not the client's, or works no more, only that it is not active. */
export const oauthIntrospectionSchema = z.union([
  z.object({
    active: z.literal(true),
    client_id: z.string(),
    sub: z.string(),
    scope: z.string(),
    token_type: z.literal('Bearer'),
    exp: z.number(),
    iat: z.number(),
    iss: z.string(),
  }),
  z.object({ active: z.literal(false) }),
  invalidClientSchema,
]);

/** Of RFC 7009 §2.2: the same for a token that is revoked now, that was before, and that is not the client's. */
export const oauthRevocationSchema = z.union([z.object({ done: z.literal(true) }), invalidClientSchema]);

/** What a client may be given: scopes of the management API. */
export const OAUTH_SCOPES = ['analytics:read', 'admin'] as const;

export type OAuthScope = (typeof OAUTH_SCOPES)[number];
export type OAuthTokenRequest = z.output<typeof oauthTokenRequestSchema>;
export type OAuthTokenAnswer = z.output<typeof oauthTokenAnswerSchema>;
export type OAuthTokenUse = z.output<typeof oauthTokenUseSchema>;
export type OAuthIntrospection = z.output<typeof oauthIntrospectionSchema>;
export type OAuthRevocation = z.output<typeof oauthRevocationSchema>;
