import { decodeCursor, encodeCursor } from '@weir/kernel/cursor';
import { AppError } from '@weir/kernel/errors';

export const PAGE_SIZE_DEFAULT = 20;
export const PAGE_SIZE_MAX = 100;

/** The arguments of every connection field. */
export interface ConnectionArgs {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
}

/** A list and its order. A cursor of one order is refused by another. */
export interface KeysetOrder<Row> {
  /** For example `apiKeys.createdAt`. */
  readonly name: string;
  /** The sort keys of a row as text, the last of them unique: `(createdAt, id)`. */
  keysOf(row: Row): readonly string[];
  readonly keyCount: number;
}

/** What a store needs for one page: fetch `take` rows that come after the position. */
export interface Page {
  readonly first: number;
  /** One row more than the page shows: its presence says that there is a next page. */
  readonly take: number;
  /** Sort keys of the row before the page, yet to be parsed by the store; undefined on the first page. */
  readonly after: readonly string[] | undefined;
}

export interface Connection<Node> {
  readonly edges: readonly { readonly cursor: string; readonly node: Node }[];
  readonly nodes: readonly Node[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

/** @throws AppError BAD_USER_INPUT when `first` is out of 1..100 or `after` is not a cursor of this list. */
export function pageOf<Row>(args: ConnectionArgs, order: KeysetOrder<Row>): Page {
  const first = args.first ?? PAGE_SIZE_DEFAULT;
  if (!Number.isInteger(first) || first < 1 || first > PAGE_SIZE_MAX) {
    throw new AppError('BAD_USER_INPUT', `first must be between 1 and ${PAGE_SIZE_MAX}, not ${first}.`, {
      param: 'first',
    });
  }
  if (args.after === undefined || args.after === null) return { first, take: first + 1, after: undefined };
  const after = decodeCursor(order.name, order.keyCount, args.after);
  if (after === undefined) {
    throw new AppError('BAD_USER_INPUT', 'after must be an endCursor of the same list.', { param: 'after' });
  }
  return { first, take: first + 1, after };
}

/** @param rows At most `page.take` rows, in order, beginning after the page's position. */
export function connectionOf<Row>(
  rows: readonly Row[],
  page: Page,
  order: KeysetOrder<Row>,
): Connection<Row> {
  const nodes = rows.slice(0, page.first);
  const edges = nodes.map((node) => ({ cursor: encodeCursor(order.name, order.keysOf(node)), node }));
  return {
    edges,
    nodes,
    pageInfo: {
      hasNextPage: rows.length > page.first,
      hasPreviousPage: page.after !== undefined,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}
