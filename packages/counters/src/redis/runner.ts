import { Command } from 'ioredis';
import { CounterStoreUnavailable } from '../contract.ts';
import type { Breaker } from './breaker.ts';
import type { RedisClient } from './connection.ts';
import type { Script } from './script-source.ts';
import type { ScriptName } from './scripts.ts';

type Argument = string | number | Buffer;

/** A call that failed after it may have reached Redis, so that nobody knows whether it took effect. */
export class CounterStoreDoubtful extends CounterStoreUnavailable {}

/** By default of the counter store's own scripts. */
export interface Runner<Name extends string = ScriptName> {
  /** @throws CounterStoreUnavailable, CounterStoreDoubtful. */
  script(name: Name, keys: readonly string[], args: readonly Argument[]): Promise<unknown>;
  /** The same, with texts of the reply as Buffers. */
  binaryScript(name: Name, keys: readonly string[], args: readonly Argument[]): Promise<unknown>;
  /** Any other command, with the same deadline and breaker. */
  command<T>(send: (redis: RedisClient) => Promise<T>): Promise<T>;
  close(): void;
}

export interface RunnerOptions<Name extends string> {
  readonly scripts: Readonly<Record<Name, Script>>;
  readonly redis: RedisClient;
  readonly breaker: Breaker;
  readonly timeoutMs: number;
}

/** Runs commands with a deadline, and not at all while there is no connection or the breaker is open. */
export function createRunner<Name extends string>(options: RunnerOptions<Name>): Runner<Name> {
  const { scripts, redis, breaker, timeoutMs } = options;
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
    script: (name, keys, args) => command((client) => runScript(client, scripts[name], 'utf8', keys, args)),
    binaryScript: (name, keys, args) =>
      command((client) => runScript(client, scripts[name], null, keys, args)),
    close() {
      isClosed = true;
    },
  };
}

/**
 * Sends a script by itself: what goes together is one call already, and the client's pipelines, which gather commands until
 * the end of a turn, would make it wait for another one. A restarted or flushed server has lost its scripts; EVAL runs and
 * loads the script again.
 */
async function runScript(
  client: RedisClient,
  { sha, lua }: Script,
  replyEncoding: 'utf8' | null,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> {
  const send = (name: string, script: string): Promise<unknown> => {
    const sent = new Command(name, [script, keys.length, ...keys, ...args], { replyEncoding });
    client.sendCommand(sent);
    return sent.promise;
  };
  try {
    return await send('evalsha', sha);
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('NOSCRIPT')) return await send('eval', lua);
    throw error;
  }
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
