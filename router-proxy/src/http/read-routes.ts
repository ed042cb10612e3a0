import type { Clock } from '@weir/kernel/clock';
import { accessProblem } from '../admission/access.ts';
import { standingProblem } from '../admission/standing.ts';
import type { Authenticate } from '../keys/authenticate.ts';
import type { Policy } from '../keys/policy.ts';
import type { AddressOf } from './client-address.ts';
import type { Exchange } from './exchange.ts';
import { forwardedFor, throwProblem } from './inference.ts';
import { findModel, listModels } from './models.ts';

/** A question about the key's own world, answered from its policy alone. */
export interface ReadRoute {
  readonly path: string;
  readonly aliases: readonly string[];
  /** @param rest What follows the path, decoded; empty for the path itself. */
  answer(policy: Policy, rest: string): unknown;
}

export const readRoutes: readonly ReadRoute[] = [
  {
    path: '/v1/models',
    aliases: ['/models'],
    answer: (policy, rest) => (rest === '' ? listModels(policy) : findModel(policy, rest)),
  },
];

export interface ReadDeps {
  readonly authenticate: Authenticate;
  readonly addressOf: AddressOf;
  readonly clock: Clock;
}

export type ServeRead = (route: ReadRoute, rest: string, exchange: Exchange) => Promise<void>;

/** Steps 3 to 6, then the answer. Nothing of it costs anything, so nothing is limited. */
export function createServeRead({ authenticate, addressOf, clock }: ReadDeps): ServeRead {
  return async (route, rest, exchange) => {
    const { req, path, answer } = exchange;
    const policy = await authenticate(req.headers);
    exchange.policy = policy;
    throwProblem(standingProblem(policy, clock.now()));
    throwProblem(
      accessProblem(policy, {
        path,
        canonicalPath: route.path,
        scope: 'inference:read',
        address: () => addressOf(req.socket.remoteAddress, forwardedFor(req.headers['x-forwarded-for'])),
      }),
    );
    const body = Buffer.from(JSON.stringify(route.answer(policy, rest)));
    const headers = ['x-request-id', exchange.publicId, 'content-type', 'application/json; charset=utf-8'];
    answer.start(200, [...headers, 'content-length', String(body.length)], false);
    answer.write(body);
    answer.end();
  };
}
