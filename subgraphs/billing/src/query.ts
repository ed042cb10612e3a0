import type { ClientBase } from 'pg';
import type { Transaction } from '@weir/prisma/tenant';

/**
 * Runs one statement in the caller's transaction. The projection works on a plain connection and the services on Prisma;
 * what both need is written once against this. Columns that the two drivers read differently (int8, date) are selected
 * as text.
 */
export type Query = <Row extends object>(text: string, values: readonly unknown[]) => Promise<readonly Row[]>;

export function queryOfClient(client: ClientBase): Query {
  return async <Row extends object>(text: string, values: readonly unknown[]) =>
    (await client.query<Row>(text, [...values])).rows;
}

export function queryOfTransaction(tx: Transaction): Query {
  return (text, values) => tx.$queryRawUnsafe(text, ...values);
}
