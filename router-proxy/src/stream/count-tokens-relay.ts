import { NO_USAGE } from '@weir/kernel/usage';
import { NOTHING_SEEN, type Relay } from './relay.ts';

/** The relay of an answer that is only a count: it consumes nothing, whatever it says. */
export function createCountTokensRelay(): Relay {
  return {
    isVerbatim: true,
    push: (chunk, forward) => forward(chunk),
    end: () => undefined,
    usage: () => NO_USAGE,
    seen: () => NOTHING_SEEN,
  };
}
