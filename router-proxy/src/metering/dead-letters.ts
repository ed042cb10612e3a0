import { appendFile } from 'node:fs/promises';

/** A record that Postgres refuses for good, kept with the reason for a person to look at; never blocks the rest. */
export interface DeadLetter {
  /** The record's text as in the spill. */
  readonly text: string;
  readonly reason: string;
}

export interface DeadLetters {
  append(letters: readonly DeadLetter[]): Promise<void>;
}

export function createDeadLetters(path: string): DeadLetters {
  return {
    async append(letters) {
      if (letters.length === 0) return;
      await appendFile(path, letters.map((letter) => `${JSON.stringify(letter)}\n`).join(''));
    },
  };
}
