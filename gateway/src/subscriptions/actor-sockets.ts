import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { AppError } from '@weir/kernel/errors';

export interface ActorSockets {
  /**
   * Counts one more socket of the actor; the returned function counts it off, once.
   * @throws AppError RATE_LIMITED when the actor has as many as allowed.
   */
  claim(of: Pick<InternalIdentity, 'actor'>): () => void;
}

function nameOf({ actor }: Pick<InternalIdentity, 'actor'>): string {
  switch (actor.type) {
    case 'user':
      return `user:${actor.userId}`;
    case 'apiKey':
      return `apiKey:${actor.apiKeyId}`;
    case 'client':
      return `client:${actor.clientId}`;
    // Anonymous sockets can do nothing but be refused, so they may crowd out one another.
    case 'anonymous':
      return 'anonymous';
  }
}

/** Open sockets per person and per API key, so that one runaway client cannot take them all. */
export function createActorSockets(maxPerActor: number): ActorSockets {
  const open = new Map<string, number>();
  return {
    claim(of) {
      const name = nameOf(of);
      const count = open.get(name) ?? 0;
      if (count >= maxPerActor) {
        throw new AppError(
          'RATE_LIMITED',
          `At most ${maxPerActor} sockets may be open at once for one actor.`,
        );
      }
      open.set(name, count + 1);
      let isOpen = true;
      return () => {
        if (!isOpen) return;
        isOpen = false;
        const left = (open.get(name) ?? 1) - 1;
        if (left === 0) open.delete(name);
        else open.set(name, left);
      };
    },
  };
}
