import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connectionOf, pageOf, type ConnectionArgs, type KeysetOrder } from './connection.ts';

interface Row {
  readonly rank: number;
  readonly id: string;
}

const ORDER: KeysetOrder<Row> = {
  name: 'rows.rank',
  keyCount: 2,
  keysOf: (row) => [String(row.rank), row.id],
};

/** What a store does with a page, over rows in memory. */
function fetchPage(rows: readonly Row[], args: ConnectionArgs) {
  const page = pageOf(args, ORDER);
  const [rank, id] = page.after ?? [];
  const position =
    rank === undefined ? -1 : rows.findIndex((row) => String(row.rank) === rank && row.id === id);
  return connectionOf(rows.slice(position + 1, position + 1 + page.take), page, ORDER);
}

describe('a connection', () => {
  it('shows every row exactly once, in order, whatever the length of a page', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 25 }), (count, first) => {
        const rows = Array.from({ length: count }, (_, index) => ({
          rank: Math.floor(index / 3),
          id: `row-${index}`,
        }));
        const seen: Row[] = [];
        let after: string | null = null;
        for (let hasNextPage = true; hasNextPage;) {
          const connection = fetchPage(rows, { first, after });
          seen.push(...connection.nodes);
          expect(connection.edges.map((edge) => edge.node)).toEqual(connection.nodes);
          expect(connection.nodes.length).toBeLessThanOrEqual(first);
          ({ hasNextPage, endCursor: after } = connection.pageInfo);
        }
        expect(seen).toEqual(rows);
      }),
    );
  });

  it('asks for 20 rows by default, and for one more than it shows', () => {
    expect(pageOf({}, ORDER)).toEqual({ first: 20, take: 21, after: undefined });
    expect(pageOf({ first: null, after: null }, ORDER).first).toBe(20);
  });

  it.each([0, -1, 101, 1.5])('refuses a page of %d rows', (first) => {
    expect(() => pageOf({ first }, ORDER)).toThrow(
      expect.objectContaining({ code: 'BAD_USER_INPUT', param: 'first' }),
    );
  });

  it('refuses a cursor of another list, and one that was tampered with', () => {
    const other = { ...ORDER, name: 'rows.name' };
    const { endCursor } = fetchPage([{ rank: 1, id: 'a' }], {}).pageInfo;
    for (const after of [endCursor, 'nonsense', '']) {
      expect(() => pageOf({ after }, other)).toThrow(
        expect.objectContaining({ code: 'BAD_USER_INPUT', param: 'after' }),
      );
    }
  });
});
