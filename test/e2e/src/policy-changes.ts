import { encodeId, type Uuid } from '@weir/kernel/ids';
import { formatUsd } from '@weir/kernel/money';
import type { Session } from './graphql.ts';
import { chat } from './inference.ts';
import type { Seeding, SeededKey } from './seeding.ts';

/** What a change is tried on: a project with one key, whose budget has room at today's prices. */
export interface Subject {
  readonly accountId: Uuid;
  readonly key: SeededKey;
}

/** What one request tells about the policy it met. */
export interface Seen {
  readonly status: number;
  /** The problem's code; undefined of a success. */
  readonly code: string | undefined;
  /** The model that answered. */
  readonly model: string | undefined;
}

/** A change of policy that every proxy has to know at its next request. */
export interface PolicyChange {
  readonly name: string;
  apply(subject: Subject): Promise<void>;
  isSeenBy(answer: Seen): boolean;
  /** Where it is more than the subject's own. */
  undo?(): Promise<void>;
}

export const PROBE_MODEL = 'demo-large';
const MAPPED_MODEL = 'demo-small';
/** Of the project's key; the probe holds a few percent of it at the usual price. */
const BUDGET_NANO = 10_000_000n;
/** In parts of the usual price: far more than the budget has. */
const PROHIBITIVE = 1_000n;

export async function newSubject(seeding: Seeding): Promise<Subject> {
  const accountId = await seeding.addAccount();
  const key = await seeding.addKey(accountId);
  await seeding.addBudget({ node_kind: 'API_KEY', node_id: key.id, limit_amount: BUDGET_NANO.toString() });
  return { accountId, key };
}

/** Sends the request that shows which policy a proxy goes by. @param url Of the proxy, with `/v1`. */
export async function probe(url: string, { key }: Subject): Promise<Seen> {
  const answer = await chat(
    { inferenceUrl: url, apiKey: key.secret },
    { model: PROBE_MODEL, prompt: 'Hello! #tokens=1', maxTokens: 16 },
  );
  const { code, model } = (await answer.json()) as Partial<Seen>;
  return { status: answer.status, code, model };
}

const REVOKE = 'mutation ($id: ID!) { done: apiKeyRevoke(input: { id: $id }) { userErrors { message } } }';
const SUSPEND = 'mutation ($id: ID!) { done: accountSuspend(input: { id: $id }) { userErrors { message } } }';
const UPDATE = `mutation ($id: ID!, $access: AccessListsInput, $routing: RoutingInput) {
  done: accountUpdate(input: { id: $id, access: $access, routing: $routing }) { userErrors { message } } }`;

const PRICE =
  'mutation ($input: PriceSetInput!) { done: priceSet(input: $input) { userErrors { message } } }';

/** The five changes of policy, through the API. */
export function policyChanges(seeding: Seeding, session: Session): readonly PolicyChange[] {
  const change = async (mutation: string, variables: Record<string, unknown>): Promise<void> => {
    const { done } = await session.ask<{ done: { userErrors: readonly unknown[] } }>(mutation, variables);
    if (done.userErrors.length > 0) throw new Error(JSON.stringify(done.userErrors));
  };
  /** The organization's own price of the probe's model from now on, as a multiple of the usual one. */
  const setPrice = async (factor: bigint): Promise<void> => {
    const usual = await usualPrice(seeding);
    await change(PRICE, {
      input: {
        organizationId: encodeId('organization', seeding.organizationId),
        modelId: usual.modelId,
        inputPerMillion: formatUsd(usual.input * factor),
        outputPerMillion: formatUsd(usual.output * factor),
      },
    });
  };
  const account = ({ accountId }: Subject): string => encodeId('account', accountId);
  return [
    {
      name: 'revoke',
      apply: ({ key }) => change(REVOKE, { id: encodeId('apiKey', key.id) }),
      isSeenBy: ({ code }) => code === 'API_KEY_REVOKED',
    },
    {
      name: 'suspend',
      apply: (subject) => change(SUSPEND, { id: account(subject) }),
      isSeenBy: ({ code }) => code === 'ACCOUNT_SUSPENDED',
    },
    {
      name: 'narrow',
      apply: (subject) =>
        change(UPDATE, { id: account(subject), access: { allowModels: { set: [MAPPED_MODEL] } } }),
      isSeenBy: ({ code }) => code === 'MODEL_NOT_ALLOWED',
    },
    {
      name: 're-map',
      apply: (subject) =>
        change(UPDATE, {
          id: account(subject),
          routing: { modelMapper: { text: `${PROBE_MODEL}=${MAPPED_MODEL}` } },
        }),
      isSeenBy: ({ status, model }) => status === 200 && model === MAPPED_MODEL,
    },
    {
      name: 're-price',
      apply: () => setPrice(PROHIBITIVE),
      isSeenBy: ({ code }) => code === 'BUDGET_EXCEEDED',
      undo: () => setPrice(1n),
    },
  ];
}

interface UsualPrice {
  /** As the API says it. */
  readonly modelId: string;
  /** Nano-USD per million tokens. */
  readonly input: bigint;
  readonly output: bigint;
}

/** What everyone pays for the probe's model. */
async function usualPrice({ client }: Seeding): Promise<UsualPrice> {
  const { rows } = await client.query<{ id: Uuid; input: string; output: string }>(
    `select m.id, p.input, p.output from billing.prices p join identity.models m on m.name = p.model
     where p.model = $1 and p.organization_id is null`,
    [PROBE_MODEL],
  );
  const [found] = rows;
  if (!found) throw new Error(`${PROBE_MODEL} has no price`);
  return {
    modelId: encodeId('model', found.id),
    input: BigInt(found.input),
    output: BigInt(found.output),
  };
}
