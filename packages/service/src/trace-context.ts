import { randomHex } from '@weir/kernel/random-hex';

/** W3C Trace Context, the part that every hop needs: which trace, whose child, whether anybody records it. */
export interface TraceContext {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits: this hop. */
  readonly spanId: string;
  /** The caller's span; null where the trace starts here. */
  readonly parentSpanId: string | null;
  readonly sampled: boolean;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);
const LENGTH = 55;
const LENGTH_MAX = 512;
const SAMPLED = 0x01;

/** Goes on with the caller's trace, or starts one where the header is absent or not valid. */
export function continueTrace(traceparent: string | undefined): TraceContext {
  const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent);
  return {
    traceId: parent?.traceId ?? randomHex(16),
    spanId: randomHex(8),
    parentSpanId: parent?.spanId ?? null,
    sampled: parent?.sampled ?? true,
  };
}

/** The header for the next hop. */
export function formatTraceparent(context: TraceContext): string {
  return `00-${context.traceId}-${context.spanId}-${context.sampled ? '01' : '00'}`;
}

/** Undefined for what the specification tells to ignore; a later version's extra members are tolerated. */
export function parseTraceparent(
  header: string,
): Pick<TraceContext, 'traceId' | 'spanId' | 'sampled'> | undefined {
  if (header.length < LENGTH || header.length > LENGTH_MAX) return undefined;
  const match = TRACEPARENT.exec(header);
  if (!match) return undefined;
  const [, version, traceId = '', spanId = '', flags = '', extra] = match;
  if (version === 'ff' || (version === '00' && extra !== undefined)) return undefined;
  if (traceId === NO_TRACE || spanId === NO_SPAN) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & SAMPLED) !== 0 };
}
