import type { Clock } from '@weir/kernel/clock';
import type { Database } from '@weir/prisma/database';
import { afterFailure, isLocked } from './lockout.ts';
import { createThrottleStore } from './throttle-store.ts';
import { createTurns } from './turns.ts';

/** What a guess at somebody's secret came to. One that only lacks its other half counts neither way. */
export interface Guess<Answer> {
  readonly verdict: 'right' | 'wrong' | 'undecided';
  readonly answer: Answer;
}

/** Bounds the guesses at the secrets of whoever has an address: passwords and second factors together. */
export interface Attempts {
  /**
   * Makes one guess, after the others for the same address, and none while the address is locked.
   * @param email In one spelling, whether or not anybody has it.
   * @param onLock Called when this guess locks the address.
   * @throws AppError RATE_LIMITED when too many wait for the same address.
   */
  guess<Answer>(
    email: string,
    make: () => Promise<Guess<Answer>>,
    onLock?: () => void,
  ): Promise<Answer | 'locked'>;
  /** Failures until now count no more: the person has proven in another way who they are. */
  forgive(email: string): Promise<void>;
}

export interface AttemptsDeps {
  readonly db: Database;
  readonly clock: Clock;
  /** Called when an address is locked from now on, whether or not anybody has it. */
  onLocked(email: string): void;
}

export function createAttempts({ db, clock, onLocked }: AttemptsDeps): Attempts {
  const inTurn = createTurns();
  const throttles = createThrottleStore(db);

  /** Whether the address is locked now. */
  async function countFailure(email: string): Promise<boolean> {
    const nowMs = clock.now();
    const isLockedNow = await db.$transaction(async (tx) => {
      const store = createThrottleStore(tx);
      await store.lock(email, nowMs);
      const counted = await store.read(email);
      // The row that `lock` has just made counts nothing yet.
      const throttle = afterFailure(counted?.failures === 0 ? undefined : counted, nowMs);
      await store.write(email, throttle);
      return isLocked(throttle, nowMs);
    });
    if (isLockedNow) onLocked(email);
    return isLockedNow;
  }

  return {
    guess: (email, make, onLock) =>
      inTurn(email, async () => {
        if (isLocked(await throttles.read(email), clock.now())) return 'locked';
        const { verdict, answer } = await make();
        if (verdict === 'wrong') {
          if (await countFailure(email)) onLock?.();
        } else if (verdict === 'right') await throttles.clear(email);
        return answer;
      }),
    forgive: (email) => throttles.clear(email),
  };
}
