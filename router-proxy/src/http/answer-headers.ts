import type { Candidate } from '../routing/attempt-plan.ts';
import { requestIdHeaders } from './error-dialect.ts';
import type { Exchange } from './exchange.ts';
import { appendLimitHeaders } from './limit-headers.ts';
import { appendProviderHeaders, type ProviderHeaders } from './response-headers.ts';

export interface AnswerHead {
  readonly provider: ProviderHeaders;
  readonly candidate: Candidate;
  /** 1 for the first attempt of a request. */
  readonly attemptNumber: number;
  /** The effective model before any failover. */
  readonly primaryModel: string | null;
  /** Told when the output was capped below what was asked for or usual. */
  readonly outputCap: number | null;
  readonly isVerbatim: boolean;
  readonly isEventStream: boolean;
  /** By `performance.now()`. */
  readonly nowMs: number;
}

/** The headers of a forwarded answer, as a flat list of names and values: ours, and those of the provider that pass. */
export function answerHeaders(exchange: Exchange, head: AnswerHead): string[] {
  const { decision, target } = head.candidate;
  const headers = requestIdHeaders(exchange.dialect, exchange.publicId);
  headers.push('x-routing-decision', decision, 'x-routing-backend', target.publicId);
  if (decision === 'FAILOVER') appendFailover(headers, head);
  if (exchange.limits) appendLimitHeaders(headers, exchange.limits, exchange.dialect);
  if (head.outputCap !== null) headers.push('x-weir-output-cap', String(head.outputCap));
  if (head.isEventStream) headers.push('cache-control', 'no-cache', 'x-accel-buffering', 'no');
  headers.push('server-timing', serverTiming(exchange, head.nowMs));
  appendProviderHeaders(headers, head.provider, head.isVerbatim);
  return headers;
}

/** Warns that another key than usual answered: how many were asked, and which model if it is another one. */
function appendFailover(headers: string[], { candidate, attemptNumber, primaryModel }: AnswerHead): void {
  headers.push('x-routing-failover', String(attemptNumber));
  const { name } = candidate.route.model;
  // Names may hold what a header cannot.
  if (name !== primaryModel) headers.push('x-routing-model', encodeURIComponent(name));
}

/** Our own share of the time to the first byte, and the provider's. Milliseconds. */
function serverTiming({ startedMs, notes }: Exchange, nowMs: number): string {
  const ownMs = Math.max(0, nowMs - startedMs - notes.upstreamWaitMs);
  return `gateway;dur=${ownMs.toFixed(3)}, provider;dur=${notes.upstreamWaitMs.toFixed(3)}`;
}
