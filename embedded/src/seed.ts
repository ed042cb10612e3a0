import { systemClock } from '@weir/kernel/clock';
import { encodeId, type Uuid } from '@weir/kernel/ids';
import type { Price } from '@weir/kernel/pricing';
import { createBillingBootstrap } from '@weir/billing/bootstrap';
import { DEMO_MODELS, FAULTS, type DemoModel } from '@weir/demo-provider/models';
import { createBootstrap, type Bootstrap } from '@weir/identity/bootstrap';
import type { ApiKeyAddition } from '@weir/identity/bootstrap/add-api-key';
import { createDatabase } from '@weir/prisma/database';
import type { EmbeddedSecrets } from './secrets.ts';

export interface Demo {
  /** As the GraphQL API takes it. */
  readonly organizationId: string;
  readonly email: string;
}

const OWNER = { email: 'demo@weir.example', displayName: 'Demo Owner' } as const;

/** From the beginning of 2026, so that every request of the demo has a price. */
const PRICES_VALID_FROM_MS = Date.UTC(2026, 0, 1);

/** US cents per million tokens, made up in the proportions of real price lists. */
const CENTS: Readonly<
  Record<keyof typeof DEMO_MODELS, readonly [input: number, cached: number, output: number]>
> = {
  'demo-small': [15, 7.5, 60],
  'demo-large': [250, 125, 1_000],
  'demo-reasoning': [110, 55, 440],
  'demo-embed': [2, 2, 0],
  'demo-moderation': [0, 0, 0],
  'demo-image': [0, 0, 0],
  'demo-tts': [1_500, 1_500, 0],
  'demo-transcribe': [0, 0, 0],
};

/** Nano-USD: a cent for an image, and 0.6 cents for a minute of audio. */
const UNIT_PRICES: Readonly<Record<string, Partial<Price>>> = {
  'demo-image': { perImage: 10_000_000n },
  'demo-transcribe': { perAudioSecond: 100_000n },
};

function priceOf(name: string): Partial<Price> {
  const base = name in CENTS ? (name as keyof typeof CENTS) : 'demo-small';
  const [input, cached, output] = CENTS[base].map((cents) => BigInt(cents * 10) * 1_000_000n);
  return {
    input: input ?? 0n,
    cachedInput: cached ?? 0n,
    cacheWrite: input ?? 0n,
    output: output ?? 0n,
    reasoning: output ?? 0n,
    ...UNIT_PRICES[name],
  };
}

function demoModels(): [string, DemoModel][] {
  const faults = Object.keys(FAULTS).map((fault): [string, DemoModel] => [
    `demo-fault-${fault}`,
    DEMO_MODELS['demo-small'],
  ]);
  return [...Object.entries(DEMO_MODELS), ...faults];
}

/**
 * Makes the demo organization on the first start and keeps it on every later one; only the provider's address and key
 * are written anew, because the provider may listen elsewhere now.
 */
export async function seedDemo(options: {
  databaseUrl: string;
  secrets: EmbeddedSecrets;
  provider: { url: string; apiKey: string };
}): Promise<Demo> {
  const { databaseUrl, secrets, provider } = options;
  const db = createDatabase({ url: databaseUrl, role: 'weir_identity' });
  const billing = createBillingBootstrap(databaseUrl);
  try {
    const bootstrap = await createBootstrap({
      db,
      masterKey: [fromBase64(secrets.masterKey), ...(secrets.previousMasterKeys ?? []).map(fromBase64)],
      clock: systemClock,
    });
    const { organizationId, rootAccountId } =
      (await bootstrap.findOrganization(OWNER.email)) ?? (await firstStart(bootstrap, secrets));
    // Changes nothing when the key is there; a first start that was killed half-way gets it on the root account.
    await bootstrap.addApiKey(demoKey({ organizationId, accountId: rootAccountId, secrets }));
    await bootstrap.putProviderKey({
      organizationId,
      name: 'Demo provider',
      provider: 'openai',
      baseUrl: `${provider.url}/v1`,
      secret: provider.apiKey,
      config: { messages: true },
    });
    const models = demoModels();
    for (const [name, { contextTokens, maxOutputTokens, serves }] of models) {
      await bootstrap.putModel({ name, contextTokens, maxOutputTokens, capabilities: serves });
    }
    await billing.addPrices(
      models.map(([model]) => ({
        ...priceOf(model),
        model,
        organizationId: null,
        validFromMs: PRICES_VALID_FROM_MS,
      })),
    );
    return { organizationId: encodeId('organization', organizationId), email: OWNER.email };
  } finally {
    await Promise.all([db.$disconnect(), billing.close()]);
  }
}

/** An organization with a team and a project below its root, so that there is a tree to look at. */
async function firstStart(bootstrap: Bootstrap, secrets: EmbeddedSecrets) {
  const created = await bootstrap.createOrganization({
    name: 'Demo Organization',
    slug: 'demo',
    timeZone: 'UTC',
    owner: { ...OWNER, password: secrets.demoPassword },
  });
  if (!created.ok) throw new Error(`the demo organization cannot be made: ${created.error}`);
  const { organizationId, rootAccountId } = created.value;
  const team = await bootstrap.addAccount({
    organizationId,
    parentId: rootAccountId,
    kind: 'TEAM',
    name: 'Research',
  });
  const project = await bootstrap.addAccount({
    organizationId,
    parentId: team,
    kind: 'PROJECT',
    name: 'Chatbot',
  });
  await bootstrap.addApiKey(demoKey({ organizationId, accountId: project, secrets }));
  return created.value;
}

const fromBase64 = (text: string): Buffer => Buffer.from(text, 'base64');

function demoKey(owner: { organizationId: Uuid; accountId: Uuid; secrets: EmbeddedSecrets }): ApiKeyAddition {
  const { organizationId, accountId, secrets } = owner;
  return {
    organizationId,
    accountId,
    name: 'demo',
    scopes: ['inference:read', 'inference:write', 'analytics:read'],
    secret: secrets.demoApiKey,
  };
}
