import { Counter, Gauge, type Registry } from 'prom-client';
import type { AppError } from '@weir/kernel/errors';
import { createArrayHistogram, type Observe } from '@weir/service/array-histogram';
import type { Logger } from '@weir/service/logger';
import { MILLISECOND_BUCKETS } from '@weir/service/metrics';
import type { Exchange } from './exchange.ts';

/** What operators learn of requests: one wide log line each, and metrics that stay few. Never bodies, never secrets. */
export interface Reporter {
  admitted(durationMs: number): void;
  /** @param endpoint The endpoint's own name; null where no endpoint was reached. */
  finished(exchange: Exchange, endpoint: string | null, error: AppError | null): void;
}

export interface ReporterOptions {
  readonly registry: Registry;
  readonly log: Logger;
  readonly inFlight: () => number;
  readonly policies: () => { readonly size: number; readonly loads: number };
}

export function createReporter({ registry, log, inFlight, policies }: ReporterOptions): Reporter {
  const registers = [registry];
  const count = requestCounter(registers);
  const histogram = (name: string, help: string): Observe =>
    createArrayHistogram({ name, help, buckets: MILLISECOND_BUCKETS, registry });
  const admission = histogram('weir_proxy_admission_ms', 'Asking the counter store, per attempt.');
  const firstByte = histogram('weir_proxy_first_byte_ms', 'From dispatch to the first byte of the provider.');
  const duration = histogram('weir_proxy_request_ms', 'From arrival to the end of the answer.');
  const overhead = histogram(
    'weir_proxy_overhead_ms',
    'Duration without waiting for providers; not for streams.',
  );
  registerGauges(registers, inFlight, policies);

  return {
    admitted: admission,
    finished(exchange, endpoint, error) {
      const { notes, answer } = exchange;
      const durationMs = performance.now() - exchange.startedMs;
      count(endpoint ?? 'none', answer.status ?? CLIENT_GONE, error?.code ?? '');
      duration(durationMs);
      if (notes.firstByteMs !== null) firstByte(notes.firstByteMs);
      if (!notes.stream) overhead(Math.max(0, durationMs - notes.upstreamWaitMs));
      logLine(log, exchange, endpoint, error, durationMs);
    },
  };
}

/** Counted by itself and told when the metric is read: checking and hashing a set of labels costs more than counting. */
function requestCounter(registers: Registry[]): (endpoint: string, status: number, code: string) => void {
  const counts = new Map<string, CountedRequests>();
  /** Nearly all requests end as the one before did, and putting their name together costs more than counting them. */
  let last: CountedRequests | undefined;
  new Counter({
    name: 'weir_proxy_requests_total',
    help: 'Requests by endpoint, HTTP status and error code.',
    labelNames: ['endpoint', 'status', 'code'],
    registers,
    collect() {
      this.reset();
      for (const { endpoint, status, code, requests } of counts.values())
        this.inc({ endpoint, status: String(status), code }, requests);
    },
  });
  return (endpoint, status, code) => {
    if (last?.endpoint !== endpoint || last.status !== status || last.code !== code) {
      const name = `${endpoint} ${status} ${code}`;
      last = counts.get(name) ?? { endpoint, status, code, requests: 0 };
      counts.set(name, last);
    }
    last.requests++;
  };
}

interface CountedRequests {
  readonly endpoint: string;
  readonly status: number;
  readonly code: string;
  requests: number;
}

/** What logs and metrics say where the client left before any status; nginx uses the same number. */
const CLIENT_GONE = 499;

function registerGauges(
  registers: Registry[],
  inFlight: ReporterOptions['inFlight'],
  policies: ReporterOptions['policies'],
): void {
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  gauge('weir_proxy_in_flight', 'Requests that are being served.', inFlight);
  gauge('weir_proxy_policies', 'Policies kept in process.', () => policies().size);
  gauge('weir_proxy_policy_loads', 'Policies read from Postgres since the start.', () => policies().loads);
}

function logLine(
  log: Logger,
  exchange: Exchange,
  endpoint: string | null,
  error: AppError | null,
  durationMs: number,
): void {
  const level = error?.spec.level ?? 'info';
  if (!log.isLevelEnabled(level)) return;
  const { notes, policy, answer } = exchange;
  const line = {
    requestId: exchange.publicId,
    method: exchange.req.method,
    endpoint,
    status: answer.status ?? CLIENT_GONE,
    code: error?.code,
    reason: error ? reasonOf(error) : undefined,
    organizationId: policy?.snapshot.organization.id,
    accountId: policy?.account.id,
    apiKeyId: policy?.snapshot.key.id,
    ...notes,
    admissionMs: rounded(notes.admissionMs),
    upstreamWaitMs: rounded(notes.upstreamWaitMs),
    firstByteMs: rounded(notes.firstByteMs),
    durationMs: rounded(durationMs),
    err: error?.code === 'INTERNAL' ? error : undefined,
  };
  log[level](line, 'request');
}

/** What happened, for operators: the message that the client does not see, and what lay behind it. */
function reasonOf({ message, detail, cause }: AppError): string | undefined {
  const behind = cause instanceof Error ? cause.message : undefined;
  const said = message === detail ? undefined : message;
  return said !== undefined && behind !== undefined && behind !== said
    ? `${said}: ${behind}`
    : (said ?? behind);
}

/** Microseconds are the last digits that mean anything. */
function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 1_000) / 1_000;
}
