import { z } from 'zod';
import { sessionTokensSchema } from './internal-identity.ts';

/** Signing in through an OpenID provider: the gateway speaks with the browser, the identity service with the provider. */

/** `POST /internal/oidc/begin`: where to send a browser, and what it has to bring back in a cookie. */
export const oidcBeginRequestSchema = z.object({
  /** The public id, `oip_…`. */
  providerId: z.string().max(64),
  /** Of an origin of ours; the gateway has checked it. */
  returnTo: z.string().max(2_048),
  /** The token of an invitation that the person came with. */
  invitation: z.string().max(512).nullable(),
  ipAddress: z.string().nullable(),
});

export const oidcBegunSchema = z.object({ authorizationUrl: z.string(), state: z.string() });

/** `POST /internal/oidc/complete`: what the browser came back with. */
export const oidcCompleteRequestSchema = z.object({
  providerId: z.string().max(64),
  /** From the cookie. */
  state: z.string().max(8_192),
  /** Of the callback, without the question mark. */
  query: z.string().max(8_192),
  ipAddress: z.string().nullable(),
  userAgent: z.string().nullable(),
});

/** Where to send the browser, with what in the fragment of the address. */
export const oidcCompletedSchema = z.object({
  returnTo: z.string(),
  outcome: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('signedIn'), tokens: sessionTokensSchema }),
    /** The person has a second factor: `signInContinue` takes the ticket with it. */
    z.object({ kind: z.literal('secondFactor'), ticket: z.string() }),
    /** The person has an account with a password: once signed in, `oidcIdentityLink` takes the ticket. */
    z.object({ kind: z.literal('link'), ticket: z.string() }),
    z.object({ kind: z.literal('refused'), code: z.string() }),
  ]),
});

export type OidcBeginRequest = z.output<typeof oidcBeginRequestSchema>;
export type OidcBegun = z.output<typeof oidcBegunSchema>;
export type OidcCompleteRequest = z.output<typeof oidcCompleteRequestSchema>;
export type OidcCompleted = z.output<typeof oidcCompletedSchema>;
