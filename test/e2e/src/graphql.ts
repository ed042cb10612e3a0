import { createClient, type Client } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { DemoAccess } from '@weir/embedded/demo-file';

export interface GraphqlError {
  readonly message: string;
  readonly extensions?: { readonly code?: string };
}

export interface GraphqlAnswer {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly GraphqlError[];
}

/** A person's session at the gateway. */
export interface Session {
  readonly accessToken: string;
  /** The answer as it came. */
  send(query: string, variables?: Record<string, unknown>): Promise<GraphqlAnswer>;
  /** The data of an operation that must succeed. */
  ask<T>(query: string, variables?: Record<string, unknown>): Promise<T>;
  /** A socket of its own. */
  socket(): Client;
}

export async function sendGraphql(
  url: string,
  query: string,
  variables: Record<string, unknown> = {},
  accessToken?: string,
): Promise<GraphqlAnswer> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }),
    },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(60_000),
  });
  return (await answer.json()) as GraphqlAnswer;
}

export async function signIn(
  access: Pick<DemoAccess, 'graphqlUrl' | 'graphqlWsUrl' | 'email' | 'password'>,
): Promise<Session> {
  const answer = await sendGraphql(
    access.graphqlUrl,
    `mutation ($email: String!, $password: String!) {
      signIn(input: { email: $email, password: $password }) { accessToken userErrors { message } }
    }`,
    { email: access.email, password: access.password },
  );
  const payload = answer.data?.['signIn'] as { accessToken?: string } | undefined;
  const accessToken = payload?.accessToken;
  if (accessToken === undefined || accessToken === null)
    throw new Error(`sign-in failed: ${JSON.stringify(answer)}`);
  const send: Session['send'] = (query, variables) =>
    sendGraphql(access.graphqlUrl, query, variables, accessToken);
  return {
    accessToken,
    send,
    async ask<T>(query: string, variables?: Record<string, unknown>) {
      const { data, errors } = await send(query, variables);
      if (errors || !data) throw new Error(`GraphQL failed: ${JSON.stringify(errors)}`);
      return data as T;
    },
    socket: () =>
      createClient({
        url: access.graphqlWsUrl,
        webSocketImpl: WebSocket,
        connectionParams: { authorization: `Bearer ${accessToken}` },
        retryAttempts: 0,
      }),
  };
}
