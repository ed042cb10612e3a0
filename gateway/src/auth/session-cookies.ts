import type { SessionTokens } from '@weir/contracts/internal-identity';

/** The tokens of a browser's session, in cookies that no script can read. */
export interface SessionCookies {
  /** What the browser sent; undefined where it has no such cookie. */
  read(cookieHeader: string | undefined): { readonly accessToken?: string; readonly refreshToken?: string };
  /** Values of `Set-Cookie` that give the browser the tokens. */
  issue(tokens: SessionTokens): string[];
  /** Values of `Set-Cookie` that take everything from the browser. */
  end(): string[];
  /** The same for the access token alone, which is of no use any more. */
  endAccess(): string[];
}

const EPOCH = new Date(0);

/** The value of the first cookie of a name. Tokens consist of characters that cookies carry as they are. */
export function valueOfCookie(cookieHeader: string | undefined, name: string): string | undefined {
  const pairs = cookieHeader?.split(';').map((pair) => pair.trim()) ?? [];
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

/**
 * @param secure Whether browsers reach the gateway by https. Then the names begin with `__Host-`, which binds a cookie
 * to this very host: no other host of the domain can set or overwrite it.
 */
export function createSessionCookies(secure: boolean): SessionCookies {
  const prefix = secure ? '__Host-' : '';
  const access = `${prefix}weir-access`;
  const refresh = `${prefix}weir-refresh`;
  const attributes = `Path=/; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
  const cookie = (name: string, value: string, expires: Date): string =>
    `${name}=${value}; ${attributes}; Expires=${expires.toUTCString()}`;
  return {
    read(cookieHeader) {
      const [accessToken, refreshToken] = [
        valueOfCookie(cookieHeader, access),
        valueOfCookie(cookieHeader, refresh),
      ];
      return {
        ...(accessToken ? { accessToken } : {}),
        ...(refreshToken ? { refreshToken } : {}),
      };
    },
    issue: (tokens) => [
      cookie(access, tokens.accessToken, new Date(tokens.accessExpiresAtMs)),
      cookie(refresh, tokens.refreshToken, new Date(tokens.refreshExpiresAtMs)),
    ],
    end: () => [cookie(access, '', EPOCH), cookie(refresh, '', EPOCH)],
    endAccess: () => [cookie(access, '', EPOCH)],
  };
}
