import { Socket } from 'node:net';
import type { Dispatcher } from 'undici';
import { describe, expect, it } from 'vitest';
import { systemClock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import { SocketAnswer } from '../fast-lane/socket-answer.ts';
import { ClientAnswer } from '../http/client-answer.ts';
import { Lifetime, type Ending } from '../http/lifetime.ts';
import { RELAYS } from '../stream/relays.ts';
import { runAttempt, type AttemptEnd } from './attempt.ts';

const REVOKED = new AppError('API_KEY_REVOKED', 'This API key was revoked.');

/** An attempt at a provider that says what a test lets it say. */
function begin(drainMs: number | null) {
  let written = '';
  const socket = new Socket();
  socket._write = (chunk: Buffer | string, _, done) => {
    written += chunk.toString('latin1');
    done();
  };
  const connection = { keepsAlive: true, keepAliveSeconds: 72, answered: () => undefined };
  const answer = new ClientAnswer(new SocketAnswer(socket, connection), 'req_1', 'openai');
  const lifetime = new Lifetime();
  const given: { handler?: Dispatcher.DispatchHandler } = {};
  const dispatcher = {
    dispatch(_: unknown, handler: Dispatcher.DispatchHandler) {
      given.handler = handler;
      return true;
    },
  } as Dispatcher;
  const end = runAttempt({
    dispatcher,
    path: '/v1/chat/completions',
    headers: [],
    body: Buffer.from('{}'),
    lifetime,
    answer,
    drainMs,
    clock: systemClock,
    open(status) {
      if (!lifetime.ending) answer.start(status, [], false, null);
      return RELAYS.chat.whole();
    },
  });
  const nothing = (): void => undefined;
  const controller: Dispatcher.DispatchController = {
    aborted: false,
    paused: false,
    reason: null,
    abort: nothing,
    pause: nothing,
    resume: nothing,
  };
  given.handler?.onRequestStart?.(controller, undefined);
  return {
    answer,
    lifetime,
    end,
    written: () => written,
    say(status: number, text: string) {
      given.handler?.onResponseStart?.(controller, status, { 'content-type': 'application/json' });
      given.handler?.onResponseData?.(controller, Buffer.from(text));
    },
  };
}

async function endOf(ending: Ending, drainMs: number | null): Promise<[AttemptEnd, string, ClientAnswer]> {
  const attempt = begin(drainMs);
  attempt.say(400, '{"error":');
  attempt.lifetime.end(ending);
  if (drainMs !== null) attempt.lifetime.end({ kind: 'stopped', error: REVOKED });
  return [await attempt.end, attempt.written(), attempt.answer];
}

describe('a request that ends while its provider still tells a mistake, which is held back', () => {
  it.each([
    ['is stopped', { kind: 'stopped', error: REVOKED }, null],
    ['whose client leaves', { kind: 'client gone' }, null],
    ['whose client leaves, is read on for, and is stopped', { kind: 'client gone' }, 60_000],
  ] as const)(
    'and %s gets nothing of it, so that an answer can still be given',
    async (_, ending, drainMs) => {
      const [end, written, answer] = await endOf(ending, drainMs);
      expect(end).toMatchObject({ kind: 'forwarded', status: 400 });
      expect(written).toBe('');
      expect(answer.isStarted).toBe(false);
    },
  );

  it('is told why it was stopped', async () => {
    const attempt = begin(null);
    attempt.say(400, '{"error":');
    attempt.lifetime.end({ kind: 'stopped', error: REVOKED });
    expect(await attempt.end).toMatchObject({ end: { kind: 'stopped' } });
    attempt.answer.fail(REVOKED);
    expect(attempt.written()).toMatch(/^HTTP\/1\.1 401 /);
  });
});
