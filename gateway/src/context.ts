import type { InternalIdentity } from '@weir/contracts/internal-identity';
import type { IdentitySigner } from '@weir/graphql/identity-token';
import type { Logger } from '@weir/service/logger';
import { requireAllowedAddress } from './auth/allowed-address.ts';
import type { Actor } from './auth/authenticator.ts';
import { NO_DELIVERY, type SessionDelivery } from './auth/session-delivery.ts';

/** One operation of a client, or one event of a subscription. */
export interface GatewayContext {
  readonly identity: InternalIdentity;
  readonly requestId: string;
  /** W3C trace context of this hop, for the subgraphs. */
  readonly traceparent: string;
  readonly log: Logger;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  readonly session: SessionDelivery;
  /** Vouches for the actor to the subgraphs; signed once per context, which must not outlive a minute. */
  identityToken(): Promise<string>;
}

/** What is known of the connection that carries an operation. */
export interface Origin {
  readonly requestId: string;
  readonly traceparent: string;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
}

export type ContextFactory = (
  actor: Actor,
  origin: Origin,
  signal: AbortSignal,
  session?: SessionDelivery,
) => GatewayContext;

/** @throws AppError IP_NOT_ALLOWED for an actor that is bound to other addresses. */
export function createContextFactory(signer: IdentitySigner, log: Logger): ContextFactory {
  return (actor, origin, signal, session = NO_DELIVERY) => {
    const { requestId, traceparent, ipAddress, userAgent } = origin;
    requireAllowedAddress(actor, ipAddress);
    const identity: InternalIdentity = {
      actor: actor.actor,
      organizationId: actor.organizationId,
      permissions: actor.permissions,
      requestId,
      ipAddress,
      userAgent,
    };
    let token: Promise<string> | undefined;
    return {
      identity,
      requestId,
      traceparent,
      signal,
      session,
      log: log.child({ requestId, organizationId: identity.organizationId, actor: identity.actor.type }),
      identityToken: () => (token ??= signer.sign(identity)),
    };
  };
}
