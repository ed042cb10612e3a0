import { hash } from 'node:crypto';
import type { Policy } from '../keys/policy.ts';
import type { ProviderTarget } from '../upstream/provider-target.ts';
import { conversationStart, type ParsedBody } from './conversation-start.ts';

/**
 * Keeps the turns of one conversation on one provider key, whose prompt cache then knows their beginning.
 *
 * Rendezvous hashing: each key draws a number from conversation and key, and the highest wins. Nothing is remembered,
 * every proxy draws the same, a key that sleeps or leaves moves only its own conversations, and weights are shares. The
 * conversation is known by a hash that is dropped with the request and told to nobody.
 */
export interface Stickiness {
  /** Undefined where there is none, or the request has no beginning that another one could share. */
  pick(candidates: readonly ProviderTarget[], model: string): ProviderTarget | undefined;
}

/** Null where the policy does not ask for it. */
export function stickinessFor(policy: Policy, body: ParsedBody | null): Stickiness | null {
  if (!policy.isSticky || !body) return null;
  const { id } = policy.snapshot.organization;
  return {
    pick(candidates, model) {
      let best = candidates[0];
      if (candidates.length <= 1) return best;
      const start = conversationStart(body);
      if (start === null) return undefined;
      const conversation = hash('sha256', JSON.stringify([id, model, start]), 'hex');
      let bestScore = Number.NEGATIVE_INFINITY;
      for (const candidate of candidates) {
        const score = scoreOf(conversation, candidate);
        if (score <= bestScore) continue;
        best = candidate;
        bestScore = score;
      }
      return best;
    },
  };
}

const DRAW_BYTES = 6;
const DRAW_RANGE = 2 ** (8 * DRAW_BYTES);

/** Weighted rendezvous: the highest of weight / -ln(draw) falls on each key in proportion to its weight. */
function scoreOf(conversation: string, { key }: ProviderTarget): number {
  const digest = hash('sha256', `${conversation} ${key.id}`, 'buffer');
  const draw = (digest.readUIntBE(0, DRAW_BYTES) + 0.5) / DRAW_RANGE;
  return key.weight / -Math.log(draw);
}
