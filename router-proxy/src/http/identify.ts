import type { Clock } from '@weir/kernel/clock';
import type { AppError } from '@weir/kernel/errors';
import { standingProblem } from '../admission/standing.ts';
import type { Authenticate } from '../keys/authenticate.ts';
import type { Policy } from '../keys/policy.ts';
import type { SignatureProblem } from '../keys/request-signature.ts';
import type { Exchange } from './exchange.ts';

/**
 * Steps 3 and 4: whose request it is, from its key and its signature, and whether that key and everything above it are
 * in good standing. Any answer then tells when a key is about to expire.
 * @throws AppError with a code of 401, or DEPENDENCY_UNAVAILABLE
 */
export type Identify = (exchange: Exchange) => Policy | Promise<Policy>;

export interface IdentifyDeps {
  readonly authenticate: Authenticate;
  readonly signatureProblem: SignatureProblem;
  readonly clock: Clock;
}

export function createIdentify({ authenticate, signatureProblem, clock }: IdentifyDeps): Identify {
  function accept(exchange: Exchange, policy: Policy): Policy {
    exchange.policy = policy;
    const nowMs = clock.now();
    const { expiry } = policy;
    if (expiry !== null && nowMs >= expiry.fromMs)
      exchange.answer.announce('x-weir-key-expires', expiry.instant);
    throwProblem(standingProblem(policy, nowMs));
    throwProblem(signatureProblem(policy, exchange.req.headers, exchange.body, nowMs));
    return policy;
  }

  return (exchange) => {
    const found = authenticate(exchange.req.headers);
    return found instanceof Promise
      ? found.then((policy) => accept(exchange, policy))
      : accept(exchange, found);
  };
}

export function throwProblem(problem: AppError | null): void {
  if (problem) throw problem;
}
