import { describe, expect, it } from 'vitest';
import { createBreaker } from './breaker.ts';

describe('breaker', () => {
  const build = () => {
    const changes: string[] = [];
    const clock = { nowMs: 0 };
    const onChange = (state: string): void => void changes.push(state);
    const breaker = createBreaker({ failuresToOpen: 3, pauseMs: 100, now: () => clock.nowMs, onChange });
    const fail = (times: number): void => {
      for (let count = 0; count < times; count++) breaker.failed(new Error('away'));
    };
    return { breaker, clock, changes, fail };
  };

  it('opens after so many failures in a row, and lets nothing through while it is open', () => {
    const { breaker, changes, fail } = build();
    fail(2);
    breaker.succeeded();
    fail(2);
    expect(breaker.tryEnter()).toBe(true);
    fail(1);
    expect(breaker.tryEnter()).toBe(false);
    expect(changes).toEqual(['open']);
  });

  it('lets one probe through after the pause and closes when it succeeds', () => {
    const { breaker, clock, changes, fail } = build();
    fail(3);
    clock.nowMs = 100;
    expect([breaker.tryEnter(), breaker.tryEnter()]).toEqual([true, false]);
    breaker.succeeded();
    expect([breaker.tryEnter(), breaker.tryEnter()]).toEqual([true, true]);
    expect(changes).toEqual(['open', 'closed']);
  });

  it('opens again when the probe fails, and tells it only once', () => {
    const { breaker, clock, changes, fail } = build();
    fail(3);
    clock.nowMs = 100;
    expect(breaker.tryEnter()).toBe(true);
    fail(1);
    clock.nowMs = 199;
    expect(breaker.tryEnter()).toBe(false);
    clock.nowMs = 200;
    expect(breaker.tryEnter()).toBe(true);
    expect(changes).toEqual(['open']);
  });

  it('sends another probe when the first never returns', () => {
    const { breaker, clock, fail } = build();
    fail(3);
    clock.nowMs = 100;
    breaker.tryEnter();
    clock.nowMs = 200;
    expect(breaker.tryEnter()).toBe(true);
  });

  it('does not close on late answers to calls from before it opened', () => {
    const { breaker, fail } = build();
    fail(3);
    breaker.succeeded();
    expect(breaker.tryEnter()).toBe(false);
  });
});
