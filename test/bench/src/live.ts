/**
 * `npm run bench:live`: the latencies that people wait for, each measured from the outside: the start of the platform,
 * a revoked key refused, a crossed threshold on the subscriber's socket, a request visible in usage.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { percentile } from './added-latency.ts';
import { argument } from './argument.ts';
import { printTable } from './table.ts';
import { startProvider } from './targets.ts';
import { embeddedTarget, redisTarget, type Weir } from './weir-targets.ts';

const times = Number(argument('times', '50'));

async function graphql<T>(weir: Weir, query: string, variables: object, token?: string): Promise<T> {
  const answer = await fetch(weir.access.graphqlUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await answer.json()) as { data?: T; errors?: unknown };
  if (errors || !data) throw new Error(JSON.stringify(errors));
  return data;
}

async function signIn(weir: Weir): Promise<string> {
  const { email, password } = weir.access;
  const { signIn: payload } = await graphql<{ signIn: { accessToken: string } }>(
    weir,
    'mutation ($email: String!, $password: String!) { signIn(input: { email: $email, password: $password }) { accessToken } }',
    { email, password },
  );
  return payload.accessToken;
}

async function newKey(weir: Weir, token: string): Promise<{ id: string; secret: string }> {
  const { apiKeyCreate } = await graphql<{ apiKeyCreate: { secret: string; apiKey: { id: string } } }>(
    weir,
    `
      mutation ($id: ID!, $name: String!) {
        apiKeyCreate(input: { organizationId: $id, name: $name, scopes: ["inference:write"] }) {
          secret
          apiKey {
            id
          }
        }
      }
    `,
    { id: weir.access.organizationId, name: crypto.randomUUID() },
    token,
  );
  return { id: apiKeyCreate.apiKey.id, secret: apiKeyCreate.secret };
}

async function chat(url: string, apiKey: string): Promise<number> {
  const answer = await fetch(`${url}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'demo-small', messages: [{ role: 'user', content: 'Hello!' }] }),
  });
  await answer.arrayBuffer();
  return answer.status;
}

/** From the answer of `apiKeyRevoke` to the first refusal on the proxy that refuses last. */
async function revocation(weir: Weir, token: string): Promise<number[]> {
  const samples: number[] = [];
  for (let time = 0; time < times; time++) {
    const { id, secret } = await newKey(weir, token);
    for (const url of weir.access.inferenceUrls) await chat(url, secret);
    await graphql(
      weir,
      'mutation ($id: ID!) { apiKeyRevoke(input: { id: $id }) { userErrors { message } } }',
      { id },
      token,
    );
    const revokedAt = performance.now();
    const refusedAfter = await Promise.all(
      weir.access.inferenceUrls.map(async (url) => {
        for (;;) {
          const askedAt = performance.now();
          if ((await chat(url, secret)) === 401) return askedAt - revokedAt;
        }
      }),
    );
    samples.push(Math.max(...refusedAfter));
  }
  return samples;
}

/** From the end of the answer that crosses a threshold to the event on the subscriber's socket. */
async function alerts(weir: Weir, token: string): Promise<number[]> {
  const arrivals = new Map<string, number>();
  const client = createClient({
    url: weir.access.graphqlWsUrl,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
  });
  client.subscribe<{ budgetAlertRaised: { budget: { id: string } } }>(
    {
      query:
        'subscription ($id: ID!) { budgetAlertRaised(organizationId: $id) { budget { id } organization { name } } }',
      variables: { id: weir.access.organizationId },
    },
    {
      next: ({ data }) => void (data && arrivals.set(data.budgetAlertRaised.budget.id, performance.now())),
      error: (error) => process.stderr.write(`${JSON.stringify(error)}\n`),
      complete: () => undefined,
    },
  );
  await pause(500);
  const samples: number[] = [];
  for (let time = 0; time < times; time++) {
    const { id, secret } = await newKey(weir, token);
    const { budgetCreate } = await graphql<{ budgetCreate: { budget: { id: string } } }>(
      weir,
      'mutation ($input: BudgetCreateInput!) { budgetCreate(input: $input) { budget { id } } }',
      {
        input: {
          organizationId: weir.access.organizationId,
          apiKeyId: id,
          name: 'one request',
          metric: 'REQUESTS',
          limit: '1',
          period: 'TOTAL',
          enforcement: 'NOTIFY',
          thresholds: [100],
        },
      },
      token,
    );
    await chat(weir.access.inferenceUrl, secret);
    const answeredAt = performance.now();
    while (!arrivals.has(budgetCreate.budget.id)) await pause(1);
    samples.push(Math.max(0, (arrivals.get(budgetCreate.budget.id) ?? 0) - answeredAt));
  }
  await client.dispose();
  return samples;
}

/** From the end of an answer to its count in `Organization.usage`. */
async function visibility(weir: Weir, token: string): Promise<number[]> {
  const ask = async (): Promise<number> => {
    const { organization } = await graphql<{ organization: { usage: { totals: { requests: string } } } }>(
      weir,
      `
        query ($id: ID!, $start: DateTime!, $end: DateTime!) {
          organization(id: $id) {
            usage(range: { start: $start, end: $end }, granularity: HOUR) {
              totals {
                requests
              }
            }
          }
        }
      `,
      {
        id: weir.access.organizationId,
        start: new Date(Date.now() - 3_600_000).toISOString(),
        end: new Date(Date.now() + 3_600_000).toISOString(),
      },
      token,
    );
    return Number(organization.usage.totals.requests);
  };
  await pause(1_000);
  const samples: number[] = [];
  for (let time = 0; time < times; time++) {
    const before = await ask();
    await chat(weir.access.inferenceUrl, weir.access.apiKey);
    const answeredAt = performance.now();
    while ((await ask()) <= before);
    samples.push(performance.now() - answeredAt);
  }
  return samples;
}

const provider = await startProvider();
for (const start of [embeddedTarget, (upstream: typeof provider) => redisTarget(upstream, 2)]) {
  const weir = await start(provider);
  const token = await signIn(weir);
  const rows: string[][] = [
    ['npm start to "weir is ready"', (weir.startMs / 1_000).toFixed(2) + ' s', '', '', '10 s'],
  ];
  for (const [name, measure, bar] of [
    ['key revoked → refused on every proxy', revocation, 'p99 ≤ 50 ms'],
    ['threshold crossed → event on the socket', alerts, 'p99 ≤ 250 ms'],
    ['answer → visible in usage', visibility, 'p95 ≤ 2 s'],
  ] as const) {
    const samples = await measure(weir, token);
    rows.push([name, ...[50, 95, 99].map((percent) => `${percentile(samples, percent).toFixed(1)} ms`), bar]);
  }
  printTable(`${weir.name}, ${times} times each`, ['what', 'p50', 'p95', 'p99', 'bar'], rows);
  await weir.stop();
}
await provider.stop();
process.exit();
