/**
 * Leaves out the events of a stream that are not to be kept. Leaving the result leaves the source at once, as with
 * `mapEvents`.
 */
export function filterEvents<T>(
  source: AsyncGenerator<T>,
  keeps: (event: T) => Promise<boolean>,
): AsyncGenerator<T> {
  const leave = async (): Promise<IteratorResult<T>> => {
    await source.return(undefined);
    return { done: true, value: undefined };
  };
  return {
    async next() {
      for (;;) {
        const result = await source.next();
        if (result.done === true) return { done: true, value: undefined };
        try {
          if (await keeps(result.value)) return result;
        } catch (error) {
          await leave();
          throw error;
        }
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
