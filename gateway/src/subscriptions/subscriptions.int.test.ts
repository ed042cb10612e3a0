import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createClient, type Client } from 'graphql-ws';
import { WebSocket } from 'ws';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { personOf, startTestPlatform, type Alert, type TestPlatform } from '../test-platform.ts';

const SUBSCRIPTION = /* GraphQL */ `
  subscription ($id: ID!) {
    raised: alertRaised(organizationId: $id) {
      note
      organization {
        name
        alertCount
      }
    }
  }
`;

let platform: TestPlatform;
let organizationId: Uuid;
const clients: Client[] = [];
const ANY_TEXT: unknown = expect.any(String);
const MASKED: unknown = expect.stringContaining('our side');

beforeEach(async () => {
  platform = await startTestPlatform({ GRAPHQL_SUBSCRIBER_QUEUE: '8', GRAPHQL_SOCKETS_PER_ACTOR_MAX: '3' });
  organizationId = newUuid();
  platform.organizations.set(organizationId, 'Acme');
  platform.actors.set('token', personOf(organizationId));
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.dispose();
  await platform.stop();
});

interface Result {
  readonly data?: Record<string, unknown> | null | undefined;
  readonly errors?: readonly unknown[] | undefined;
}

interface Closed {
  readonly code: number;
  readonly reason: string;
}

function connect(connectionParams: Record<string, unknown> = { authorization: 'Bearer token' }) {
  const closed = Promise.withResolvers<Closed>();
  const client = createClient({
    url: platform.socketUrl,
    webSocketImpl: WebSocket,
    connectionParams,
    retryAttempts: 0,
    lazyCloseTimeout: 0,
    on: { closed: (event) => closed.resolve(event as Closed) },
  });
  clients.push(client);
  return { client, closed: closed.promise };
}

function watch(
  client: Client,
  query = SUBSCRIPTION,
  variables: Record<string, unknown> = { id: organizationId },
) {
  return client.iterate({ query, variables });
}

async function next(events: AsyncIterator<Result>): Promise<Result> {
  const result: IteratorResult<Result, unknown> = await events.next();
  if (result.done === true) throw new Error('the subscription is over');
  return result.value;
}

const alert = (note: string): Alert => ({ id: newUuid(), organizationId, note });

/** Resolves when the alerts subgraph feeds so many streams. */
const untilStreams = (count: number): Promise<void> =>
  vi.waitFor(() => expect(platform.openStreams()).toBe(count), { timeout: 20_000, interval: 10 });

describe('an event', () => {
  it('carries the field of its owner and the fields of another subgraph', async () => {
    const events = watch(connect().client);
    await untilStreams(1);
    platform.raise(alert('first'));
    platform.raise(alert('second'));
    expect(await next(events)).toEqual({
      data: { raised: { note: 'first', organization: { name: 'Acme', alertCount: 7 } } },
    });
    expect(await next(events)).toMatchObject({ data: { raised: { note: 'second' } } });
  });

  it('reads the other subgraph anew each time', async () => {
    const events = watch(connect().client);
    await untilStreams(1);
    platform.raise(alert('first'));
    await next(events);
    platform.organizations.set(organizationId, 'Renamed');
    platform.raise(alert('second'));
    expect(await next(events)).toMatchObject({ data: { raised: { organization: { name: 'Renamed' } } } });
  });

  it('arrives with what could be read when another subgraph fails, and says what is missing', async () => {
    platform.organizations.set(organizationId, 'broken');
    const events = watch(connect().client);
    await untilStreams(1);
    platform.raise(alert('first'));
    expect(await next(events)).toEqual({
      data: { raised: { note: 'first', organization: null } },
      errors: [
        {
          message: MASKED,
          path: ['raised', 'organization'],
          extensions: { code: 'INTERNAL', requestId: ANY_TEXT },
        },
      ],
    });
  });

  it('reaches every subscriber of its organization and nobody else', async () => {
    const otherId = newUuid();
    platform.organizations.set(otherId, 'Other');
    platform.actors.set('other', personOf(otherId));
    const first = watch(connect().client);
    const second = watch(connect({ headers: { Authorization: 'Bearer token' } }).client);
    const other = watch(connect({ authorization: 'Bearer other' }).client, SUBSCRIPTION, { id: otherId });
    await untilStreams(3);
    platform.raise(alert('ours'));
    platform.raise({ id: newUuid(), organizationId: otherId, note: 'theirs' });
    expect(await next(first)).toMatchObject({ data: { raised: { note: 'ours' } } });
    expect(await next(second)).toMatchObject({ data: { raised: { note: 'ours' } } });
    expect(await next(other)).toMatchObject({ data: { raised: { note: 'theirs' } } });
  });
});

describe('a subscriber', () => {
  it('that leaves ends the stream of the owner', async () => {
    const { client } = connect();
    const events = watch(client);
    const others = watch(client);
    await untilStreams(2);
    await events.return?.();
    await untilStreams(1);
    platform.raise(alert('still'));
    expect(await next(others)).toMatchObject({ data: { raised: { note: 'still' } } });
  });

  it('whose connection breaks ends the stream of the owner', async () => {
    const { client } = connect();
    const events = watch(client);
    await untilStreams(1);
    client.terminate();
    await expect(next(events)).rejects.toBeDefined();
    await untilStreams(0);
  });

  it('that does not read loses its oldest events, and costs the others nothing', async () => {
    const slow = new WebSocket(platform.socketUrl, 'graphql-transport-ws');
    const send = (message: object): void => slow.send(JSON.stringify(message));
    await new Promise((resolve) => slow.once('open', resolve));
    send({ type: 'connection_init', payload: { authorization: 'Bearer token' } });
    await new Promise((resolve) => slow.once('message', resolve));
    send({ type: 'subscribe', id: '1', payload: { query: SUBSCRIPTION, variables: { id: organizationId } } });
    const events = watch(connect().client);
    await untilStreams(2);
    slow.pause();
    const ballast = 'x'.repeat(256 * 1024);
    for (let index = 0; index < 80; index++) {
      platform.raise(alert(`${index} ${ballast}`));
      const event = await next(events);
      expect(JSON.stringify(event).startsWith(`{"data":{"raised":{"note":"${index} `)).toBe(true);
    }
    const metrics = await (await fetch(`${platform.adminUrl}/metrics`)).text();
    const dropped = /weir_graphql_subscription_events_total\{[^}]*outcome="dropped"[^}]*\} (\d+)/.exec(
      metrics,
    )?.[1];
    expect(Number(dropped)).toBeGreaterThan(0);
    slow.terminate();
  });
});

describe('a subscription is refused', () => {
  it.each([
    ['without a credential', {}, SUBSCRIPTION, 'UNAUTHENTICATED'],
    ['for a query', undefined, '{ viewerName }', 'BAD_USER_INPUT'],
    [
      'for two fields at once',
      undefined,
      'subscription ($id: ID!) { a: alertRaised(organizationId: $id) { id } b: alertRaised(organizationId: $id) { id } }',
      'GRAPHQL_VALIDATION_FAILED',
    ],
    [
      'with a condition on its field',
      undefined,
      'subscription ($id: ID!) { alertRaised(organizationId: $id) @include(if: true) { id } }',
      'BAD_USER_INPUT',
    ],
    ['for a field that does not exist', undefined, 'subscription { nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    ['for text that is no GraphQL', undefined, 'subscription {', 'GRAPHQL_PARSE_FAILED'],
    [
      'beyond the depth allowed',
      undefined,
      `subscription ($id: ID!) { alertRaised(organizationId: $id) { organization { ${'children { '.repeat(11)} id ${'}'.repeat(11)} } } }`,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    [
      'beyond the aliases allowed',
      undefined,
      `subscription ($id: ID!) { alertRaised(organizationId: $id) { ${Array.from({ length: 31 }, (_, index) => `a${index}: id`).join(' ')} } }`,
      'GRAPHQL_VALIDATION_FAILED',
    ],
  ])('%s', async (_name, connectionParams, query, code) => {
    const { client } = connect(connectionParams);
    const refusal: unknown = await next(watch(client, query)).catch((error: unknown) => error);
    expect(refusal).toMatchObject([{ message: ANY_TEXT, extensions: { code } }]);
  });

  it('without the variable it needs', async () => {
    const refusal: unknown = await next(watch(connect().client, SUBSCRIPTION, {})).catch(
      (error: unknown) => error,
    );
    expect(refusal).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });

  it('by its owner for another organization, as if it did not exist', async () => {
    const events = watch(connect().client, SUBSCRIPTION, { id: newUuid() });
    expect(await next(events)).toMatchObject({
      errors: [{ extensions: { code: 'NOT_FOUND', requestId: ANY_TEXT } }],
    });
    expect(await events.next()).toMatchObject({ done: true });
  });

  it('on a socket whose credential nobody has', async () => {
    const { client, closed } = connect({ authorization: 'Bearer wrong' });
    await expect(next(watch(client))).rejects.toBeDefined();
    expect(await closed).toMatchObject({ code: 4403, reason: 'Nobody has this credential.' });
  });

  it('on one socket more than an actor may have', async () => {
    const allowed = Array.from({ length: 3 }, () => watch(connect().client));
    await untilStreams(3);
    const { client, closed } = connect();
    await expect(next(watch(client))).rejects.toBeDefined();
    expect((await closed).reason).toContain('At most 3 sockets');
    await allowed[0]?.return?.();
    await untilStreams(2);
    watch(connect().client);
    await untilStreams(3);
  });
});

describe('a running subscription ends', () => {
  it('when the access token expires, with a last word and then 4403', async () => {
    // Long enough for the subscription to stand before that.
    platform.actors.set('brief', personOf(organizationId, Date.now() + 3_000));
    const { client, closed } = connect({ authorization: 'Bearer brief' });
    const events = watch(client);
    await untilStreams(1);
    expect(await next(events)).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
    expect((await closed).code).toBe(4403);
    await untilStreams(0);
  });

  it('as soon as a signal tells that the session is over, without any event', async () => {
    const actor = personOf(organizationId);
    platform.actors.set('watched', actor);
    const { client, closed } = connect({ authorization: 'Bearer watched' });
    const events = watch(client);
    await untilStreams(1);
    platform.actors.delete('watched');
    const userId = actor.actor.type === 'user' ? actor.actor.userId : null;
    platform.signal({ sessionId: newUuid(), userId });
    platform.signal({ sessionId: null, userId });
    expect(await next(events)).toMatchObject({ errors: [{ message: 'Nobody has this credential.' }] });
    expect((await closed).code).toBe(4403);
  });

  it('when the session ended while no signal could be heard', async () => {
    platform.actors.set('unheard', personOf(organizationId));
    const { client, closed } = connect({ authorization: 'Bearer unheard' });
    const events = watch(client);
    await untilStreams(1);
    platform.actors.delete('unheard');
    platform.endSignals();
    expect(await next(events)).toMatchObject({ errors: [{ message: 'Nobody has this credential.' }] });
    expect((await closed).code).toBe(4403);
  });

  it('before its next event when the session has ended', async () => {
    const { client, closed } = connect();
    const events = watch(client);
    await untilStreams(1);
    platform.actors.delete('token');
    const seen: Result[] = [];
    const raising = setInterval(() => platform.raise(alert('again')), 50);
    try {
      while (seen.at(-1)?.errors === undefined) seen.push(await next(events));
    } finally {
      clearInterval(raising);
    }
    expect(seen.at(-1)).toMatchObject({ errors: [{ message: 'Nobody has this credential.' }] });
    expect((await closed).code).toBe(4403);
    await untilStreams(0);
  });

  it('when its owner stops, saying so', async () => {
    const events = watch(connect().client);
    await untilStreams(1);
    const last = next(events);
    await platform.stopAlerts();
    expect(await last).toMatchObject({ errors: [{ extensions: { code: 'SHUTTING_DOWN' } }] });
    expect(await events.next()).toMatchObject({ done: true });
  });

  it('when its owner cannot be reached, saying so', async () => {
    await platform.stopAlerts();
    const events = watch(connect().client);
    expect(await next(events)).toMatchObject({
      errors: [{ extensions: { code: 'DEPENDENCY_UNAVAILABLE' } }],
    });
    expect(await events.next()).toMatchObject({ done: true });
  });

  it('when the gateway stops, with a last word and then 1001', async () => {
    const { client, closed } = connect();
    const events = watch(client);
    await untilStreams(1);
    const stopped = platform.stopGateway();
    expect(await next(events)).toMatchObject({
      errors: [{ extensions: { code: 'SHUTTING_DOWN', retryAfterMs: 1000 } }],
    });
    expect(await events.next()).toMatchObject({ done: true });
    expect((await closed).code).toBe(1001);
    await stopped;
    await untilStreams(0);
  });
});

it('a thousand subscriptions come and go without leaving a stream behind', async () => {
  const { client } = connect();
  for (let round = 0; round < 20; round++) {
    const events = Array.from({ length: 50 }, () => watch(client));
    await untilStreams(50);
    for (const each of events) await each.return?.();
    await untilStreams(0);
  }
});
