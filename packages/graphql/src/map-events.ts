/**
 * Maps a stream of events. Leaving the result leaves the source at once, also while the next event is awaited; an
 * async generator function would first wait for that event, and the source would leak until it came.
 */
export function mapEvents<T, U>(
  source: AsyncIterable<T>,
  map: (event: T) => U | Promise<U>,
): AsyncGenerator<U> {
  const iterator = source[Symbol.asyncIterator]();
  const leave = async (): Promise<IteratorResult<U>> => {
    await iterator.return?.();
    return { done: true, value: undefined };
  };
  return {
    async next() {
      const result = await iterator.next();
      if (result.done === true) return { done: true, value: undefined };
      try {
        return { done: false, value: await map(result.value) };
      } catch (error) {
        await leave();
        throw error;
      }
    },
    return: leave,
    async throw(error: unknown) {
      await leave();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await leave();
    },
  };
}
