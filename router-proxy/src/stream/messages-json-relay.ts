import type { Usage } from '@weir/kernel/usage';
import { objectMembers } from '../body/json-members.ts';
import { estimateTokens } from './chat-usage.ts';
import { NO_COUNTS, usageOf, withReport } from './messages-usage.ts';
import type { Relay } from './relay.ts';

/** Answers beyond this are still forwarded, but their usage is estimated. */
const KEPT_BYTES_MAX = 16_777_216;

/** The relay of a message that is one JSON value: every chunk passes at once, and a copy is read at the end. */
export function createMessagesJsonRelay(): Relay {
  let kept: Buffer[] | null = [];
  let bytes = 0;
  return {
    isVerbatim: true,
    push(chunk, forward) {
      bytes += chunk.length;
      if (bytes > KEPT_BYTES_MAX) kept = null;
      kept?.push(chunk);
      forward(chunk);
    },
    end: () => undefined,
    usage: () => kept && usageIn(Buffer.concat(kept)),
    outputTokensSeen: () => estimateTokens(bytes),
  };
}

function usageIn(body: Buffer): Usage | null {
  const member = objectMembers(body)?.findLast(({ key }) => key === 'usage');
  if (!member) return null;
  try {
    const usage: unknown = JSON.parse(body.toString('utf8', member.valueStart, member.valueEnd));
    return usageOf(withReport(NO_COUNTS, usage));
  } catch {
    return null;
  }
}
