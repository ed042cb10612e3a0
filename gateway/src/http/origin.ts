import type { IncomingHttpHeaders } from 'node:http';
import { newUuid } from '@weir/kernel/ids';
import { continueTrace, formatTraceparent } from '@weir/service/trace-context';
import type { Origin } from '../context.ts';

const USER_AGENT_MAX = 256;

/** What is kept of a client's request besides its operation; the request id is ours, so that nobody can forge one. */
export function originOf(headers: IncomingHttpHeaders, ipAddress: string | undefined): Origin {
  const { traceparent } = headers;
  return {
    requestId: newUuid(),
    traceparent: formatTraceparent(continueTrace(typeof traceparent === 'string' ? traceparent : undefined)),
    ipAddress: ipAddress ?? null,
    userAgent: headers['user-agent']?.slice(0, USER_AGENT_MAX) ?? null,
  };
}
