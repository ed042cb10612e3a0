import { Cluster } from 'ioredis';
import type { RedisClient } from './connection.ts';
import type { FunctionLibrary } from './function-library.ts';
import { callFunction } from './function-call.ts';
import type { CallFunction } from './runner.ts';

/** Calls the functions of a library, and loads it where it is not there: replicas get it from their master by themselves. */
export function callLibrary<Name extends string>({
  code,
  functions,
}: FunctionLibrary<Name>): CallFunction<Name> {
  /** Everybody who misses it at the same time waits for the same. */
  let loading: Promise<void> | undefined;

  const load = async (client: RedisClient): Promise<void> => {
    const masters = client instanceof Cluster ? client.nodes('master') : [client];
    const loads = await Promise.allSettled(masters.map((master) => master.call('FUNCTION', 'LOAD', code)));
    const failures = loads.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    );
    // A master that is away need not keep the others from being asked again.
    if (failures.length === masters.length && !failures.some(isLoadedAlready)) throw failures[0];
  };

  return async (client, name, ...rest) => {
    try {
      return await callFunction(client, functions[name], ...rest);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.includes('Function not found')) throw error;
    }
    loading ??= load(client).finally(() => {
      loading = undefined;
    });
    await loading;
    return await callFunction(client, functions[name], ...rest);
  };
}

/** By another proxy, a moment ago. */
function isLoadedAlready(failure: unknown): boolean {
  return failure instanceof Error && failure.message.includes('already exists');
}
