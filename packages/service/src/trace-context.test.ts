import { describe, expect, it } from 'vitest';
import { continueTrace, formatTraceparent, parseTraceparent } from './trace-context.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

describe('continueTrace', () => {
  it('goes on with the caller’s trace under a span of its own', () => {
    const context = continueTrace(`00-${TRACE}-${SPAN}-00`);
    expect(context).toMatchObject({ traceId: TRACE, parentSpanId: SPAN, sampled: false });
    expect(context.spanId).toMatch(/^[0-9a-f]{16}$/);
    expect(context.spanId).not.toBe(SPAN);
  });

  it('starts a trace where there is none, and hands it on in a header that parses', () => {
    const context = continueTrace(undefined);
    expect(context.parentSpanId).toBeNull();
    expect(parseTraceparent(formatTraceparent(context))).toEqual({
      traceId: context.traceId,
      spanId: context.spanId,
      sampled: true,
    });
    expect(continueTrace('nonsense').traceId).not.toBe(context.traceId);
  });
});

describe('parseTraceparent', () => {
  it('reads a later version by what this one knows', () => {
    expect(parseTraceparent(`cc-${TRACE}-${SPAN}-01-what-the-future-holds`)).toEqual({
      traceId: TRACE,
      spanId: SPAN,
      sampled: true,
    });
  });

  it.each([
    '',
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01-extra`,
    `00-${TRACE}-${SPAN}-01x`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `cc-${TRACE}-${SPAN}-01-${'x'.repeat(600)}`,
  ])('ignores %j', (header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });
});
