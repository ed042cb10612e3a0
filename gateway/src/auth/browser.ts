import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '@weir/kernel/errors';
import { credentialOfConnection, credentialOfHeaders, type Credential } from './credential.ts';
import type { IsOwnPage } from './own-page.ts';
import type { SessionCookies } from './session-cookies.ts';

/** The header by which a page asks for cookies instead of tokens in the body. */
export const SESSION_HEADER = 'x-weir-session';

export interface Presented {
  readonly credential: Credential;
  /** The credential came by itself with the request, in a cookie. */
  readonly isCookie: boolean;
  /** Tokens that this request gives go into cookies. */
  readonly wantsCookies: boolean;
  /** Of the cookie; only when no credential was given otherwise. */
  readonly refreshToken: string | undefined;
}

export interface Browser {
  /** @throws AppError FORBIDDEN for cookies on a request of another site's page. */
  ofRequest(headers: IncomingHttpHeaders): Presented;
  /** The same for a socket: parameters of the connection first, then headers and cookies of its upgrade. */
  ofSocket(params: Readonly<Record<string, unknown>> | undefined, headers: IncomingHttpHeaders): Presented;
}

/** Reads who asks: what was given on purpose wins over cookies, which count only on requests of our own pages. */
export function createBrowser(cookies: SessionCookies, isOwnPage: IsOwnPage): Browser {
  function read(given: Credential, headers: IncomingHttpHeaders): Presented {
    const wantsCookies = headers[SESSION_HEADER] === 'cookie';
    const { accessToken, refreshToken } = given.kind === 'none' ? cookies.read(headers.cookie) : {};
    const hasCookies = accessToken !== undefined || refreshToken !== undefined;
    if ((hasCookies || wantsCookies) && !isOwnPage(headers)) {
      throw new AppError(
        'FORBIDDEN',
        'Cookies are taken from pages of this platform only. Send an Authorization header instead.',
      );
    }
    return {
      credential: accessToken === undefined ? given : { kind: 'accessToken', value: accessToken },
      isCookie: accessToken !== undefined,
      wantsCookies: wantsCookies || hasCookies,
      refreshToken,
    };
  }
  return {
    ofRequest: (headers) => read(credentialOfHeaders(headers), headers),
    ofSocket: (params, headers) => read(credentialOfConnection(params, headers), headers),
  };
}
