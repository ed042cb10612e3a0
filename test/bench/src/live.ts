/**
 * `npm run bench:live`: the latencies that people wait for, each measured from the outside: the start of the platform,
 * a change of policy on every proxy, a crossed threshold on the subscriber's socket, a request visible in usage.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { signIn, type Session } from '@weir/e2e/graphql';
import { chat } from '@weir/e2e/inference';
import { percentile } from './added-latency.ts';
import { argument } from './argument.ts';
import { policyLatencies } from './policy-latency.ts';
import { printTable } from './table.ts';
import { startProvider } from './targets.ts';
import { embeddedTarget, redisTarget, type Weir } from './weir-targets.ts';

const times = Number(argument('times', '50'));

async function newKey(weir: Weir, session: Session): Promise<{ id: string; secret: string }> {
  const { apiKeyCreate } = await session.ask<{ apiKeyCreate: { secret: string; apiKey: { id: string } } }>(
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
  );
  return { id: apiKeyCreate.apiKey.id, secret: apiKeyCreate.secret };
}

/** Sends one request and waits for the end of its answer. */
async function ask({ access }: Weir, apiKey: string): Promise<void> {
  await (await chat(access, { apiKey })).arrayBuffer();
}

/** From the end of the answer that crosses a threshold to the event on the subscriber's socket. */
async function alerts(weir: Weir, session: Session): Promise<number[]> {
  const arrivals = new Map<string, number>();
  const client = session.socket();
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
    const { id, secret } = await newKey(weir, session);
    const { budgetCreate } = await session.ask<{ budgetCreate: { budget: { id: string } } }>(
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
    );
    await ask(weir, secret);
    const answeredAt = performance.now();
    while (!arrivals.has(budgetCreate.budget.id)) await pause(1);
    samples.push(Math.max(0, (arrivals.get(budgetCreate.budget.id) ?? 0) - answeredAt));
  }
  await client.dispose();
  return samples;
}

/** From the end of an answer to its count in `Organization.usage`. */
async function visibility(weir: Weir, session: Session): Promise<number[]> {
  const count = async (): Promise<number> => {
    const { organization } = await session.ask<{
      organization: { usage: { totals: { requests: string } } };
    }>(
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
    );
    return Number(organization.usage.totals.requests);
  };
  await pause(1_000);
  const samples: number[] = [];
  for (let time = 0; time < times; time++) {
    const before = await count();
    await ask(weir, weir.access.apiKey);
    const answeredAt = performance.now();
    while ((await count()) <= before);
    samples.push(performance.now() - answeredAt);
  }
  return samples;
}

function rowOf(what: string, samples: readonly number[], bar: string): string[] {
  return [what, ...[50, 95, 99].map((percent) => `${percentile(samples, percent).toFixed(1)} ms`), bar];
}

const provider = await startProvider();
for (const start of [embeddedTarget, (upstream: typeof provider) => redisTarget(upstream, 2)]) {
  const weir = await start(provider);
  const session = await signIn(weir.access);
  const rows: string[][] = [
    ['npm start to "weir is ready"', (weir.startMs / 1_000).toFixed(2) + ' s', '', '', '10 s'],
  ];
  for (const { change, samples } of await policyLatencies(weir, session, times)) {
    rows.push(rowOf(`${change} → every proxy's next request`, samples, 'p99 ≤ 50 ms'));
  }
  rows.push(rowOf('threshold crossed → event on the socket', await alerts(weir, session), 'p99 ≤ 250 ms'));
  rows.push(rowOf('answer → visible in usage', await visibility(weir, session), 'p95 ≤ 2 s'));
  printTable(
    `${weir.name}, ${weir.access.inferenceUrls.length} proxies, ${times} times each`,
    ['what', 'p50', 'p95', 'p99', 'bar'],
    rows,
  );
  await weir.stop();
}
await provider.stop();
process.exit();
