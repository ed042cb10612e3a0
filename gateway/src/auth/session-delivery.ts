import { SESSION_ENDED, sessionTokensSchema } from '@weir/contracts/internal-identity';
import type { SessionCookies } from './session-cookies.ts';

/** How tokens that an operation gives get to its client. */
export interface SessionDelivery {
  readonly wantsCookies: boolean;
  /** From the browser's cookie, for the identity service. */
  readonly refreshToken: string | undefined;
  /** Takes what the identity service hands over beside its answer. */
  deliver(handedOver: string): void;
}

/** For events of a subscription, which give no tokens. */
export const NO_DELIVERY: SessionDelivery = {
  wantsCookies: false,
  refreshToken: undefined,
  deliver: () => undefined,
};

/** @param setCookies Adds headers to the answer. */
export function createSessionDelivery(
  cookies: SessionCookies,
  presented: Pick<SessionDelivery, 'wantsCookies' | 'refreshToken'>,
  setCookies: (values: readonly string[]) => void,
): SessionDelivery {
  return {
    wantsCookies: presented.wantsCookies,
    refreshToken: presented.refreshToken,
    deliver(handedOver) {
      if (handedOver === SESSION_ENDED) return setCookies(cookies.end());
      const tokens: unknown = JSON.parse(Buffer.from(handedOver, 'base64url').toString());
      setCookies(cookies.issue(sessionTokensSchema.parse(tokens)));
    },
  };
}
