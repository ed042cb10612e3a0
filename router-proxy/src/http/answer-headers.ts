import type { Exchange } from './exchange.ts';
import { appendProviderHeaders, type ProviderHeaders } from './response-headers.ts';

export interface AnswerHead {
  readonly provider: ProviderHeaders;
  readonly decision: string;
  /** Told when the output was capped below what was asked for or usual. */
  readonly outputCap: number | null;
  readonly isVerbatim: boolean;
  readonly isEventStream: boolean;
}

/** The headers of a forwarded answer, as a flat list of names and values: ours, and those of the provider that pass. */
export function answerHeaders(exchange: Exchange, head: AnswerHead): string[] {
  const headers: string[] = ['x-request-id', exchange.publicId, 'x-routing-decision', head.decision];
  headers.push(...exchange.limitHeaders);
  if (head.outputCap !== null) headers.push('x-weir-output-cap', String(head.outputCap));
  if (head.isEventStream) headers.push('cache-control', 'no-cache', 'x-accel-buffering', 'no');
  headers.push('server-timing', serverTiming(exchange));
  appendProviderHeaders(headers, head.provider, head.isVerbatim);
  return headers;
}

/** Our own share of the time to the first byte, and the provider's. Milliseconds. */
export function serverTiming({ startedMs, notes }: Exchange): string {
  const ownMs = Math.max(0, performance.now() - startedMs - notes.upstreamWaitMs);
  return `gateway;dur=${ownMs.toFixed(3)}, provider;dur=${notes.upstreamWaitMs.toFixed(3)}`;
}
