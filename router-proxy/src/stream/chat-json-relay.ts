import type { Usage } from '@weir/kernel/usage';
import { objectMembers } from '../body/json-members.ts';
import { estimateTokens, readChatUsage } from './chat-usage.ts';
import type { Relay } from './relay.ts';

/** Answers beyond this are still forwarded, but their usage is estimated. */
const KEPT_BYTES_MAX = 16_777_216;

/** The relay of an answer that is one JSON value: every chunk passes at once, and a copy is read at the end. */
export function createChatJsonRelay(): Relay {
  let kept: Buffer[] | null = [];
  let bytes = 0;

  function body(): Buffer | null {
    if (!kept) return null;
    const [only] = kept;
    return kept.length === 1 && only ? only : Buffer.concat(kept);
  }

  return {
    isVerbatim: true,
    push(chunk, forward) {
      bytes += chunk.length;
      if (bytes > KEPT_BYTES_MAX) kept = null;
      kept?.push(chunk);
      forward(chunk);
    },
    end: () => undefined,
    usage() {
      const whole = body();
      return whole && usageOf(whole);
    },
    outputTokensSeen: () => estimateTokens(bytes),
  };
}

function usageOf(body: Buffer): Usage | null {
  const member = objectMembers(body)?.findLast(({ key }) => key === 'usage');
  if (!member) return null;
  try {
    return readChatUsage(JSON.parse(body.toString('utf8', member.valueStart, member.valueEnd)));
  } catch {
    return null;
  }
}
