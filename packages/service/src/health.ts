import { redactText } from './redaction.ts';

/** A dependency that a process asks whether it can work. */
export interface Check {
  readonly name: string;
  /** Without a required one the process is not ready; without an optional one it is degraded. */
  readonly required: boolean;
  /** Default 1000. */
  readonly timeoutMs?: number;
  /** Rejects, with a sentence for operators, when the dependency does not work. */
  run(signal: AbortSignal): Promise<void> | void;
}

export interface CheckResult {
  readonly name: string;
  readonly required: boolean;
  readonly status: 'up' | 'down';
  readonly durationMs: number;
  readonly reason?: string;
}

export interface HealthReport {
  readonly status: 'ready' | 'degraded' | 'unready';
  readonly checks: readonly CheckResult[];
}

const TIMEOUT_MS = 1_000;

/** Runs all checks at once. While they run, further callers share the same answer, so probes cannot pile up. */
export function createHealth(checks: readonly Check[]): () => Promise<HealthReport> {
  let running: Promise<HealthReport> | undefined;
  return () => {
    running ??= Promise.all(checks.map(runCheck))
      .then(report)
      .finally(() => {
        running = undefined;
      });
    return running;
  };
}

function report(checks: readonly CheckResult[]): HealthReport {
  const down = checks.filter((check) => check.status === 'down');
  const status = down.some((check) => check.required) ? 'unready' : down.length > 0 ? 'degraded' : 'ready';
  return { status, checks };
}

async function runCheck(check: Check): Promise<CheckResult> {
  const timeoutMs = check.timeoutMs ?? TIMEOUT_MS;
  const startedMs = performance.now();
  const finish = (reason?: string): CheckResult => ({
    name: check.name,
    required: check.required,
    status: reason === undefined ? 'up' : 'down',
    durationMs: Math.round(performance.now() - startedMs),
    ...(reason === undefined ? {} : { reason }),
  });
  const expiry = new AbortController();
  const { promise: expired, resolve: expire } = Promise.withResolvers<CheckResult>();
  const timer = setTimeout(() => {
    expire(finish(`no answer within ${timeoutMs} ms`));
    expiry.abort();
  }, timeoutMs);
  const ran = Promise.resolve()
    .then(() => check.run(expiry.signal))
    .then(() => finish())
    .catch((thrown: unknown) => finish(reasonOf(thrown)));
  try {
    return await Promise.race([ran, expired]);
  } finally {
    clearTimeout(timer);
  }
}

function reasonOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  return redactText(text).slice(0, 200);
}
