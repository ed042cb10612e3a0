import {
  REFRESH_TOKEN_HEADER,
  SESSION_DELIVERY_HEADER,
  SESSION_ENDED,
  SESSION_TOKENS_HEADER,
  type SessionTokens,
} from '@weir/contracts/internal-identity';
import type { Exchange } from '@weir/graphql/subgraph-context';
import type { Tokens } from './session-service.ts';

/** What a payload says of tokens when there are none. */
export const NO_TOKENS = { accessToken: null, refreshToken: null, expiresAt: null } as const;

const wantsCookies = (exchange: Exchange): boolean => exchange.header(SESSION_DELIVERY_HEADER) === 'cookie';

/**
 * What a payload says of the tokens of a session that has begun or goes on. Every mutation that gives tokens answers
 * with this: for a browser that keeps them in cookies they travel beside the body, so that no script ever sees them.
 */
export function deliverTokens({ accessToken, refreshToken, refreshExpiresAt }: Tokens, exchange: Exchange) {
  const { text, expiresAt } = accessToken;
  if (!wantsCookies(exchange)) return { accessToken: text, refreshToken, expiresAt };
  const tokens: SessionTokens = {
    accessToken: text,
    accessExpiresAtMs: expiresAt.getTime(),
    refreshToken,
    refreshExpiresAtMs: refreshExpiresAt.getTime(),
  };
  exchange.setHeader(SESSION_TOKENS_HEADER, Buffer.from(JSON.stringify(tokens)).toString('base64url'));
  return { accessToken: null, refreshToken: null, expiresAt };
}

/** The browser's session is over: its cookies go. */
export function endDelivery(exchange: Exchange): void {
  if (wantsCookies(exchange)) exchange.setHeader(SESSION_TOKENS_HEADER, SESSION_ENDED);
}

/** The refresh token in the browser's cookie. */
export function presentedRefreshToken(exchange: Exchange): string | undefined {
  return exchange.header(REFRESH_TOKEN_HEADER);
}
