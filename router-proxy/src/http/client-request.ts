import type { IncomingHttpHeaders } from 'node:http';

/** The head of a request, whoever read it from the socket. Node's own `IncomingMessage` is one. */
export interface ClientRequest {
  readonly method?: string | undefined;
  /** Path and query as they were sent. */
  readonly url?: string | undefined;
  /** By name in lower case. */
  readonly headers: IncomingHttpHeaders;
  readonly socket: { readonly remoteAddress?: string | undefined };
}
