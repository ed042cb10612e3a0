import { describe, expect, it } from 'vitest';
import { FAULTS, optionsInPrompt, parseModelName } from './models.ts';

describe('model names', () => {
  it('read options in any number and a bare number as the fault’s own', () => {
    expect(parseModelName('demo-large-chunks100-delay5')).toMatchObject({
      fault: null,
      options: { chunks: 100, delay: 5 },
    });
    expect(parseModelName('demo-fault-429-7')?.fault).toEqual({ name: '429', number: 7 });
    expect(parseModelName('demo-fault-cut-2-chunks50')).toMatchObject({
      fault: { name: 'cut', number: 2 },
      options: { chunks: 50 },
    });
  });

  it('take the longest fault that fits, and its default number', () => {
    expect(parseModelName('demo-fault-no-usage')?.fault).toEqual({ name: 'no-usage', number: 0 });
    expect(parseModelName('demo-fault-slow')?.fault).toEqual({ name: 'slow', number: FAULTS.slow.number });
    expect(parseModelName('demo-fault-error-event-1')?.fault).toEqual({ name: 'error-event', number: 1 });
  });

  it('are unknown when any part of them is', () => {
    for (const name of [
      '',
      'demo',
      'demo-smaller',
      'demo-small-wide3',
      'demo-fault-',
      'demo-fault-4299',
      'gpt-4o',
    ]) {
      expect(parseModelName(name), name).toBeUndefined();
    }
  });
});

describe('options in a prompt', () => {
  it('are found anywhere, and the last mention of one counts', () => {
    expect(optionsInPrompt('say #tokens=5 or #tokens=9 #chunks=3, please')).toEqual({ tokens: 9, chunks: 3 });
    expect(optionsInPrompt('# a heading, #unknown=4')).toEqual({});
  });
});
