import { CounterStoreUnavailable } from '../contract.ts';
import type { Breaker } from './breaker.ts';
import type { RedisClient } from './connection.ts';
import type { CounterFunction } from './counter-library.ts';
import type { Argument, ReplyEncoding } from './function-call.ts';

/** A call that failed after it may have reached Redis, so that nobody knows whether it took effect. */
export class CounterStoreDoubtful extends CounterStoreUnavailable {}

/** Calls a function of ours in Redis. */
export type CallFunction<Name extends string> = (
  client: RedisClient,
  name: Name,
  replyEncoding: ReplyEncoding,
  keys: readonly string[],
  args: readonly Argument[],
) => Promise<unknown>;

/** By default of the counter store's own functions. */
export interface Runner<Name extends string = CounterFunction> {
  /** @throws CounterStoreUnavailable, CounterStoreDoubtful. */
  call(name: Name, keys: readonly string[], args: readonly Argument[]): Promise<unknown>;
  /** The same, with texts of the reply as Buffers. */
  binaryCall(name: Name, keys: readonly string[], args: readonly Argument[]): Promise<unknown>;
  /** Any other command, with the same deadline and breaker. */
  command<T>(send: (redis: RedisClient) => Promise<T>): Promise<T>;
  close(): void;
}

export interface RunnerOptions<Name extends string> {
  readonly callFunction: CallFunction<Name>;
  readonly redis: RedisClient;
  readonly breaker: Breaker;
  readonly timeoutMs: number;
}

/** Runs commands with a deadline, and not at all while there is no connection or the breaker is open. */
export function createRunner<Name extends string>(options: RunnerOptions<Name>): Runner<Name> {
  const { callFunction, redis, breaker, timeoutMs } = options;
  let isClosed = false;
  /** Only before the first connection calls wait for one; afterwards a lost connection fails them at once. */
  let starting: Promise<void> | undefined =
    redis.status === 'ready' ? undefined : firstConnection(redis, timeoutMs);
  void starting?.finally(() => {
    starting = undefined;
  });

  const command = async <T>(send: (redis: RedisClient) => Promise<T>): Promise<T> => {
    if (starting !== undefined) await starting;
    if (isClosed) throw new CounterStoreUnavailable('the counter store is closed');
    if (!breaker.tryEnter())
      throw new CounterStoreUnavailable('Redis did not answer before; it is left alone for a moment');
    if (redis.status !== 'ready') {
      const error = new CounterStoreUnavailable(`Redis is not connected (${redis.status})`);
      breaker.failed(error);
      throw error;
    }
    try {
      const result = await withDeadline(send(redis), timeoutMs);
      breaker.succeeded();
      return result;
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : 'unknown failure';
      // Not as the cause: an error of ioredis carries the command and with it the evidence of the attempt.
      const error = new CounterStoreDoubtful(`Redis failed: ${message}`);
      breaker.failed(error);
      throw error;
    }
  };

  return {
    command,
    call: (name, keys, args) => command((client) => callFunction(client, name, 'utf8', keys, args)),
    binaryCall: (name, keys, args) => command((client) => callFunction(client, name, null, keys, args)),
    close() {
      isClosed = true;
    },
  };
}

function firstConnection(redis: RedisClient, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      redis.off('ready', done);
      resolve();
    };
    const timer = setTimeout(done, timeoutMs);
    redis.once('ready', done);
  });
}

function withDeadline<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`no answer within ${timeoutMs} ms`));
    }, timeoutMs);
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error instanceof Error ? error : new Error('unknown failure'));
      },
    );
  });
}
