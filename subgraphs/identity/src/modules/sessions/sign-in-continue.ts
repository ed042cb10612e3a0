import { z } from 'zod';
import { userError } from '@weir/graphql/user-errors';
import { isUuid } from '@weir/kernel/ids';
import { withTenant } from '@weir/prisma/tenant';
import type { OneTimeTokens } from '../one-time-tokens/one-time-tokens.ts';
import type { RateLimits } from '../rate-limits/rate-limits.ts';
import { createUserStore } from '../users/user-store.ts';
import type { Attempts, Guess } from './attempts.ts';
import type { Client } from './client.ts';
import type { SignInAudit } from './sign-in-audit.ts';
import {
  createSecondStep,
  refused,
  type SecondStepDeps,
  type ShownFactor,
  type SignInOutcome,
} from './second-step.ts';

/** What somebody has who signed in elsewhere and has a second factor here. */
export const SECOND_FACTOR_TICKET_LIFE_MS = 10 * 60_000;

export interface SignInContinueDeps extends SecondStepDeps {
  readonly attempts: Attempts;
  readonly failures: SignInAudit;
  readonly oneTimeTokens: OneTimeTokens;
  readonly rateLimits: RateLimits;
}

export interface SignInContinuation extends ShownFactor {
  readonly ticket: string;
}

const contentSchema = z.object({ userId: z.string().refine(isUuid) });

const INVALID = userError('INVALID_TICKET', 'This sign-in took too long or was completed before. Begin anew.', 'ticket'); // prettier-ignore
const LOCKED = userError('LOCKED', 'Too many failures for this address. Try again in 15 minutes.');

/** Refusals before anything was tried. */
const NO_GUESS = ['MFA_REQUIRED', 'LOCKED'] as const;

/** Undoes the transaction that it is thrown in. */
class TicketUsed extends Error {}

/** Completes a sign-in that another party vouched for with the second factor that its person enrolled here. */
export function createSignInContinue(deps: SignInContinueDeps) {
  const { db, attempts, oneTimeTokens, failures, rateLimits } = deps;

  /** Uses the ticket up in the transaction that begins the session: of several at the same time one begins. */
  const secondWith = (ticket: string) =>
    createSecondStep({
      ...deps,
      async begin(tx, user, client) {
        if (!(await oneTimeTokens.spend(tx, ticket))) throw new TicketUsed();
        return deps.begin(tx, user, client);
      },
    });

  async function continued({ ticket, ...shown }: SignInContinuation, client: Client): Promise<SignInOutcome> {
    const content = contentSchema.safeParse(oneTimeTokens.open('secondFactor', ticket));
    if (!content.success) return refused(INVALID);
    const { userId } = content.data;
    const [user] = await withTenant(db, { userId }, (tx) => createUserStore(tx).byIds([userId]));
    if (user?.status !== 'ACTIVE') return refused(INVALID);
    const complete = async (): Promise<Guess<SignInOutcome>> => {
      try {
        return await secondWith(ticket)(user, shown, client);
      } catch (thrown) {
        if (!(thrown instanceof TicketUsed)) throw thrown;
        return { verdict: 'undecided', answer: refused(INVALID) };
      }
    };
    const guessed = await attempts.guess(user.email, complete, () => failures.locked(user.email, client));
    const answer = guessed === 'locked' ? refused(LOCKED) : guessed;
    if (!answer.ok && answer.error.problem.code !== 'MFA_REQUIRED') {
      failures.failed(user.email, client, answer.error.problem.code);
    }
    return answer;
  }

  return async function signInContinue(input: SignInContinuation, client: Client): Promise<SignInOutcome> {
    await rateLimits.check('failureFromIp', client.ipAddress);
    const answer = await continued(input, client);
    const isGuess = !answer.ok && NO_GUESS.every((code) => code !== answer.error.problem.code);
    if (isGuess) await rateLimits.count('failureFromIp', client.ipAddress);
    return answer;
  };
}
