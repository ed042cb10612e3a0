import type { ClientBase } from 'pg';
import type { Transaction } from '@weir/prisma/tenant';

/**
 * Runs one statement in the caller's transaction. The projection works on a plain connection and the services on Prisma;
 * what both need is written once against this. Columns that the two drivers read differently (int8, date) are selected
 * as text.
 */
export type Query = <Row extends object>(text: string, values: readonly unknown[]) => Promise<readonly Row[]>;

/** The statements are constants and few; a name lets the server plan each once per connection. */
const names = new Map<string, string>();

function nameOf(text: string): string {
  let name = names.get(text);
  if (name === undefined) {
    name = `billing-${names.size}`;
    names.set(text, name);
  }
  return name;
}

export function queryOfClient(client: ClientBase): Query {
  return async <Row extends object>(text: string, values: readonly unknown[]) =>
    (await client.query<Row>({ name: nameOf(text), text, values: [...values] })).rows;
}

export function queryOfTransaction(tx: Transaction): Query {
  return (text, values) => tx.$queryRawUnsafe(text, ...values);
}
