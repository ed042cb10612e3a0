import { accessProblem, type Scope } from '../admission/access.ts';
import type { Dialect } from '../endpoints/endpoint.ts';
import type { Policy } from '../keys/policy.ts';
import type { AddressOf } from './client-address.ts';
import { requestIdHeaders } from './error-dialect.ts';
import type { Exchange } from './exchange.ts';
import { throwProblem, type Identify } from './identify.ts';
import { forwardedFor } from './inference.ts';

/** What is asked, by whom. */
export interface ReadQuestion {
  readonly policy: Policy;
  /** Whose clients ask. */
  readonly dialect: Dialect;
  /** What follows the path, decoded; empty for the path itself. */
  readonly rest: string;
  readonly query: URLSearchParams;
  /** Ends when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** A question about the key's own world; it calls no provider and costs nothing. */
export interface ReadRoute {
  readonly path: string;
  readonly aliases: readonly string[];
  /** What the key has to have. */
  readonly scope: Scope;
  /** Whether the path stands alone, or something follows it. */
  readonly takesRest: 'never' | 'perhaps' | 'always';
  /** @returns The body. @throws AppError */
  answer(question: ReadQuestion): object | Promise<object>;
}

export interface ReadDeps {
  readonly identify: Identify;
  readonly addressOf: AddressOf;
}

export type ServeRead = (route: ReadRoute, rest: string, exchange: Exchange) => Promise<void>;

/** Steps 3 to 6, then the answer. Nothing of it costs anything, so nothing is limited. */
export function createServeRead({ identify, addressOf }: ReadDeps): ServeRead {
  return async (route, rest, exchange) => {
    const { req, path, answer, dialect } = exchange;
    const policy = await identify(exchange);
    throwProblem(
      accessProblem(policy, {
        path,
        canonicalPath: route.path,
        scope: route.scope,
        address: () => addressOf(req.socket.remoteAddress, forwardedFor(req.headers['x-forwarded-for'])),
      }),
    );
    const question = {
      policy,
      dialect,
      rest,
      query: queryOf(req.url ?? ''),
      signal: exchange.lifetime.signal,
    };
    const body = Buffer.from(JSON.stringify(await route.answer(question)));
    const headers = requestIdHeaders(dialect, exchange.publicId);
    headers.push('content-type', 'application/json; charset=utf-8', 'content-length', String(body.length));
    answer.start(200, headers, false, body.length);
    answer.write(body);
    answer.end();
  };
}

function queryOf(url: string): URLSearchParams {
  const at = url.indexOf('?');
  return new URLSearchParams(at === -1 ? '' : url.slice(at + 1));
}
