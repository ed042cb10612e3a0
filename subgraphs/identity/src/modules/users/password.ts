import { randomBytes } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import { PASSWORD_LENGTH_MAX } from '../passwords/new-password.ts';
import { createGate } from './hash-gate.ts';

/** Argon2id (the library's default) with 64 MiB and two passes. */
const COST = { memoryCost: 64 * 1024, timeCost: 2, parallelism: 1 } as const;

/** Each takes 64 MiB while it runs, so this bounds the memory of sign-in to 256 MiB. */
const RUNNING_MAX = 4;
/** Whoever comes when so many wait is told to come back: a longer queue would answer after clients gave up. */
const WAITING_MAX = 64;

export interface Passwords {
  /** @throws AppError RATE_LIMITED when too many are waiting. */
  hash(password: string): Promise<string>;
  /**
   * Takes the same time for nobody (null) as for somebody.
   * @throws AppError RATE_LIMITED when too many are waiting.
   */
  matches(password: string, passwordHash: string | null): Promise<boolean>;
  /** Whether a hash was made at another cost than new ones are; whoever proves to know the password gets a new one. */
  isOutdated(passwordHash: string): boolean;
}

const PARAMETERS = `$argon2id$v=19$m=${COST.memoryCost},t=${COST.timeCost},p=${COST.parallelism}$`;

export async function createPasswords(): Promise<Passwords> {
  const gate = createGate({ runningMax: RUNNING_MAX, waitingMax: WAITING_MAX });
  const nobodysHash = await hash(randomBytes(32), COST);
  return {
    // One spelling of accented letters, whatever the keyboard composes.
    hash: (password) => gate(() => hash(password.normalize('NFC'), COST)),
    isOutdated: (passwordHash) => !passwordHash.startsWith(PARAMETERS),
    matches: (password, passwordHash) =>
      gate(async () => {
        const candidate = password.length <= PASSWORD_LENGTH_MAX ? password.normalize('NFC') : '';
        const matched = await verify(passwordHash ?? nobodysHash, candidate);
        return matched && passwordHash !== null && password.length <= PASSWORD_LENGTH_MAX;
      }),
  };
}
