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

/** What a client may be given: scopes of the management API. */
export const OAUTH_SCOPES = ['analytics:read', 'admin'] as const;

export type OAuthScope = (typeof OAUTH_SCOPES)[number];
export type OAuthTokenRequest = z.output<typeof oauthTokenRequestSchema>;
export type OAuthTokenAnswer = z.output<typeof oauthTokenAnswerSchema>;
