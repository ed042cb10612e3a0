import type { Clock } from '@weir/kernel/clock';
import { ok, type Result } from '@weir/kernel/result';
import type { Failure } from './failure.ts';
import type { AccessToken, ExchangeToken } from './google-token.ts';

/** Access tokens by the name of the secret they were exchanged for. In the memory of this process, and nowhere else. */
export interface TokenCache {
  /** @param open Opens the secret; only asked for where there is no token yet. */
  get(name: string, open: () => string): string | Promise<Result<string, Failure>>;
  /** The provider does not accept the token any more. */
  forget(name: string): void;
}

/** Renewed so long before it expires that no request starts with a token which expires on its way. */
const RENEWAL_MS = 60_000;
const TOKENS_MAX = 1_000;

/** Requests that find no token wait for one exchange together. */
export function createTokenCache(exchange: ExchangeToken, clock: Clock): TokenCache {
  const tokens = new Map<string, AccessToken>();
  const pending = new Map<string, Promise<Result<string, Failure>>>();

  function keep(name: string, token: AccessToken): void {
    tokens.delete(name);
    for (const [oldest] of tokens) {
      if (tokens.size < TOKENS_MAX) break;
      tokens.delete(oldest);
    }
    tokens.set(name, token);
  }

  async function renew(name: string, keyFile: string): Promise<Result<string, Failure>> {
    const exchanged = await exchange(keyFile);
    if (!exchanged.ok) return exchanged;
    keep(name, exchanged.value);
    return ok(exchanged.value.text);
  }

  return {
    get(name, open) {
      const token = tokens.get(name);
      if (token && clock.now() < token.expiresAtMs - RENEWAL_MS) return token.text;
      const under = pending.get(name);
      if (under) return under;
      const started = renew(name, open()).finally(() => pending.delete(name));
      pending.set(name, started);
      return started;
    },
    forget(name) {
      tokens.delete(name);
    },
  };
}
