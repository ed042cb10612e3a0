/** Work done again and again, never twice at once. */
export interface Repetition {
  stop(): void;
}

/**
 * Runs the work about every `periodMs`, a quarter sooner or later so that processes do not move in step, counted from
 * its end. The work must not reject.
 */
export function repeat(periodMs: number, work: () => Promise<void>): Repetition {
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  const plan = (): void => {
    if (isStopped) return;
    timer = setTimeout(() => void work().then(plan), periodMs * (0.75 + Math.random() / 2));
    // The work serves requests; it is no reason for the process to stay.
    timer.unref();
  };
  plan();
  return {
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
