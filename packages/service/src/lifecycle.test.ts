import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLifecycle } from './lifecycle.ts';
import { createLogger } from './logger.ts';

const log = createLogger({ service: 'test', level: 'silent' });

function createHost() {
  const events = new EventEmitter();
  const { promise: exited, resolve } = Promise.withResolvers<number>();
  const codes: number[] = [];
  return {
    codes,
    exited,
    emit: (event: string, argument: unknown) => events.emit(event, argument),
    host: {
      on: (event: string, listener: (argument: unknown) => void) => events.on(event, listener),
      exit: (code: number) => {
        codes.push(code);
        resolve(code);
      },
    },
  };
}

const never = () => new Promise<void>(() => undefined);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('stopping', () => {
  it('goes through the resources in reverse order, one after the other', async () => {
    const order: string[] = [];
    const lifecycle = createLifecycle({ log, graceMs: 1_000 });
    for (const name of ['database', 'counters', 'server']) {
      lifecycle.add({
        name,
        stop: async () => {
          order.push(`${name} begins`);
          await Promise.resolve();
          order.push(`${name} ends`);
        },
      });
    }
    expect(await lifecycle.stop()).toBe(true);
    expect(order).toEqual([
      'server begins',
      'server ends',
      'counters begins',
      'counters ends',
      'database begins',
      'database ends',
    ]);
  });

  it('happens once, however often it is asked for', async () => {
    const stop = vi.fn();
    const lifecycle = createLifecycle({ log, graceMs: 1_000 });
    lifecycle.add({ name: 'x', stop });
    await Promise.all([lifecycle.stop(), lifecycle.stop()]);
    await lifecycle.stop();
    expect(stop).toHaveBeenCalledTimes(1);
  });

  it('goes on after a resource that fails, and says that not all went well', async () => {
    const stop = vi.fn();
    const lifecycle = createLifecycle({ log, graceMs: 1_000 });
    lifecycle.add({ name: 'first', stop });
    lifecycle.add({ name: 'rejects', stop: () => Promise.reject(new Error('no')) });
    lifecycle.add({
      name: 'throws',
      stop: () => {
        throw new Error('no');
      },
    });
    expect(await lifecycle.stop()).toBe(false);
    expect(stop).toHaveBeenCalledTimes(1);
  });

  it('aborts the signal at the end of the grace and leaves a stuck resource behind', async () => {
    const lifecycle = createLifecycle({ log, graceMs: 1_000 });
    const last = vi.fn((signal: AbortSignal) => {
      expect(signal.aborted).toBe(true);
    });
    lifecycle.add({ name: 'last', stop: last });
    lifecycle.add({ name: 'stuck', stop: never });
    const stopped = lifecycle.stop();
    await vi.advanceTimersByTimeAsync(1_100);
    expect(await stopped).toBe(false);
    expect(last).toHaveBeenCalledTimes(1);
  });

  it('also stops a resource that arrives late', async () => {
    const lifecycle = createLifecycle({ log, graceMs: 1_000 });
    const stop = vi.fn();
    await lifecycle.stop();
    lifecycle.add({ name: 'late', stop });
    expect(stop).toHaveBeenCalledTimes(1);
  });
});

describe('a process', () => {
  function start(graceMs = 1_000) {
    const process = createHost();
    const lifecycle = createLifecycle({ log, graceMs, host: process.host });
    lifecycle.onSignals();
    return { ...process, lifecycle };
  }

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'])('stops and leaves with 0 on %s', async (signal) => {
    const { lifecycle, emit, exited } = start();
    const stop = vi.fn();
    lifecycle.add({ name: 'x', stop });
    emit(signal, signal);
    expect(await exited).toBe(0);
    expect(stop).toHaveBeenCalledTimes(1);
  });

  it('leaves with 1 when something could not be stopped', async () => {
    const { lifecycle, emit, exited } = start();
    lifecycle.add({ name: 'x', stop: () => Promise.reject(new Error('no')) });
    emit('SIGTERM', 'SIGTERM');
    expect(await exited).toBe(1);
  });

  it('leaves at once with 1 on a second signal', async () => {
    const { lifecycle, emit, exited, codes } = start();
    lifecycle.add({ name: 'stuck', stop: never });
    emit('SIGINT', 'SIGINT');
    expect(codes).toEqual([]);
    emit('SIGINT', 'SIGINT');
    expect(await exited).toBe(1);
  });

  it.each(['uncaughtException', 'unhandledRejection'])('stops and leaves with 1 on %s', async (event) => {
    const { lifecycle, emit, exited } = start();
    const stop = vi.fn();
    lifecycle.add({ name: 'x', stop });
    emit(event, new Error('boom'));
    expect(await exited).toBe(1);
    expect(stop).toHaveBeenCalledTimes(1);
  });

  it('does not wait longer than five seconds after a crash, however long its grace', async () => {
    const { lifecycle, emit, codes } = start(60_000);
    lifecycle.add({ name: 'stuck', stop: never });
    emit('uncaughtException', new Error('boom'));
    await vi.advanceTimersByTimeAsync(5_100);
    expect(codes).toEqual([1]);
  });

  it('leaves at once when it crashes while stopping', async () => {
    const { lifecycle, emit, exited } = start();
    lifecycle.add({ name: 'stuck', stop: never });
    emit('SIGTERM', 'SIGTERM');
    emit('unhandledRejection', new Error('boom'));
    expect(await exited).toBe(1);
  });
});
