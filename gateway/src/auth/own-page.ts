import type { IncomingHttpHeaders } from 'node:http';

/** Whether a page of ours made a request: what a browser attaches to requests by itself proves nothing otherwise. */
export type IsOwnPage = (headers: IncomingHttpHeaders) => boolean;

/** The origin of a URL; undefined for what is none, such as the `null` of sandboxed pages. */
function originIn(text: string | undefined): string | undefined {
  return text !== undefined && URL.canParse(text) ? new URL(text).origin : undefined;
}

/**
 * Pages of the given origins, and of the gateway's own. Browsers say where a page is from in `Origin`, and in
 * `Sec-Fetch-Site` whether it is the very origin that is asked; no page can change what they say. A request that
 * carries neither is not known to come from a page of ours.
 * @param origins For example `https://weir.example`.
 */
export function createIsOwnPage(origins: readonly string[]): IsOwnPage {
  const own = new Set(origins.map(originIn).filter((origin) => origin !== undefined));
  return (headers) => {
    const site = headers['sec-fetch-site'];
    const origin = originIn(headers.origin);
    if (origin !== undefined && own.has(origin)) return true;
    return site === 'same-origin';
  };
}
