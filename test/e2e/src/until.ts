import { setTimeout as pause } from 'node:timers/promises';

/**
 * Asks until the answer is not undefined. The deadline bounds how long a test hangs; no guarantee is a matter of time.
 * @throws Error that names what was awaited when the deadline passes.
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  deadlineMs = 60_000,
): Promise<T> {
  const endAt = performance.now() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > endAt) throw new Error(`${what} did not happen within ${deadlineMs} ms`);
    await pause(20);
  }
}
