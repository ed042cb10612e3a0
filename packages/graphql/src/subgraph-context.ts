import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { AppError } from '@weir/kernel/errors';
import type { Logger } from '@weir/service/logger';
import type { IdentityVerifier } from './identity-token.ts';

/** Headers between the gateway and a subgraph; no client's header gets here and none of these gets to a client. */
export interface Exchange {
  header(name: string): string | undefined;
  /** Of the answer; without effect on a socket, which has no answer of its own. */
  setHeader(name: string, value: string): void;
}

/** Of a socket. */
export const NO_EXCHANGE: Exchange = { header: () => undefined, setHeader: () => undefined };

/**
 * What the shell knows about one operation (or one event of a subscription). A subgraph's context extends it with its
 * services and with loaders made for this operation alone.
 */
export interface OperationContext {
  readonly identity: InternalIdentity;
  readonly requestId: string;
  /** Carries the request id, the organization and the actor's type. */
  readonly log: Logger;
  /** Aborted when the caller is gone; pass it to slow work. */
  readonly signal: AbortSignal;
  readonly exchange: Exchange;
}

export type CreateContext<Context extends OperationContext> = (operation: OperationContext) => Context;

export interface Operations<Context extends OperationContext> {
  /**
   * Proves who acts and returns the maker of contexts for them: called once for an operation over HTTP, and once per
   * event of a subscription, so that nothing an earlier event has loaded answers a later one.
   * @throws AppError UNAUTHENTICATED without a token that the gateway has signed.
   */
  identify(token: unknown, signal: AbortSignal, exchange: Exchange): Promise<() => Context>;
}

export function createOperations<Context extends OperationContext>(
  verifier: IdentityVerifier,
  createContext: CreateContext<Context>,
  log: Logger,
): Operations<Context> {
  return {
    async identify(token, signal, exchange) {
      if (typeof token !== 'string') {
        throw new AppError('UNAUTHENTICATED', 'The internal identity is missing: talk to the gateway.');
      }
      const identity = await verifier.verify(token);
      const { requestId, organizationId, actor } = identity;
      const operation = {
        identity,
        requestId,
        signal,
        exchange,
        log: log.child({ requestId, organizationId, actor: actor.type }),
      };
      return () => createContext(operation);
    },
  };
}
