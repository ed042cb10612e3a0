import type { ClientBase, QueryResult, QueryResultRow } from 'pg';

/** A statement over some days of the attempt log. */
export interface DayStatement<R extends QueryResultRow> {
  /** @param days `YYYY-MM-DD`, at least one. */
  query(client: ClientBase, days: readonly string[], values: readonly unknown[]): Promise<QueryResult<R>>;
}

interface Prepared {
  readonly name: string;
  readonly days: string;
}

/**
 * The days are part of the text, as only then the planner leaves every other partition alone: given as a parameter, they
 * would have it open and lock all there are. So each connection prepares the statement anew when they change, which is
 * about twice a day.
 * @param textOf Makes the text for a list of date literals, which is not empty.
 */
export function createDayStatement<R extends QueryResultRow>(
  name: string,
  textOf: (days: string) => string,
): DayStatement<R> {
  const prepared = new WeakMap<ClientBase, Prepared>();
  let count = 0;

  /** Names are never used twice: the client believes for ever that it has prepared what it has once. */
  const prepare = (client: ClientBase, days: string): Prepared => {
    const former = prepared.get(client);
    if (former?.days === days) return former;
    // Its plan would stay in the server's memory. Should this fail, so does the statement behind it.
    if (former) client.query(`deallocate "${former.name}"`).catch(() => undefined);
    const next = { name: `${name}-${String(++count)}`, days };
    prepared.set(client, next);
    return next;
  };

  return {
    async query(client, days, values) {
      const list = days.map((day) => `'${day}'::date`).join(', ');
      const statement = prepare(client, list);
      try {
        return await client.query<R>({ name: statement.name, text: textOf(list), values: [...values] });
      } catch (error) {
        // Nobody knows whether it is prepared.
        prepared.delete(client);
        throw error;
      }
    },
  };
}
