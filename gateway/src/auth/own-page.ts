import type { IncomingHttpHeaders } from 'node:http';

/** Whether a page of ours made a request: what a browser attaches to requests by itself proves nothing otherwise. */
export type IsOwnPage = (headers: IncomingHttpHeaders) => boolean;

/** The origin of a URL; undefined for what is none, such as the `null` of sandboxed pages. */
export function originIn(text: string | undefined): string | undefined {
  const origin = text !== undefined && URL.canParse(text) ? new URL(text).origin : 'null';
  return origin === 'null' ? undefined : origin;
}

export interface OwnPages {
  /** For example `https://weir.example`. */
  readonly origins: readonly string[];
  /**
   * Whether a page of the host that is asked is ours under whatever name it was reached, for machines without TLS that
   * have several, such as `localhost` and `127.0.0.1`. Cookies stay with the name that they were given to.
   */
  readonly anyName: boolean;
}

/**
 * Pages of our origins. Browsers say where a page is from in `Origin`, and in `Sec-Fetch-Site` whether it is the very
 * origin that is asked; no page can change what they say. A request that carries neither is not known to come from a
 * page of ours.
 */
export function createIsOwnPage({ origins, anyName }: OwnPages): IsOwnPage {
  const own = new Set(origins.map(originIn).filter((origin) => origin !== undefined));
  return (headers) => {
    if (headers['sec-fetch-site'] === 'same-origin') return true;
    const origin = originIn(headers.origin);
    if (origin === undefined) return false;
    return own.has(origin) || (anyName && new URL(origin).host === headers.host);
  };
}
