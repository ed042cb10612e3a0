import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import {
  authenticatedSchema,
  IDENTITY_HEADER,
  INTERNAL_SECRET_HEADER,
} from '@weir/contracts/internal-identity';
import { AUDIT_EXPORT_INTERNAL_PATH } from '@weir/contracts/audit-export';
import type { OidcCompleteRequest } from '@weir/contracts/oidc-sign-in';
import type { Authenticated, AuthenticateRequest } from '@weir/contracts/internal-identity';
import { createIdentitySigner } from '@weir/graphql/identity-token';
import type { Cidr } from '@weir/kernel/cidr';
import { decodeId, encodeId, newUuid } from '@weir/kernel/ids';
import { createDatabase } from '@weir/prisma/database';
import { createLogger } from '@weir/service/logger';
import type { ResolveHost } from '@weir/service/outbound-guard';
import { createTestDatabase } from '@weir/testkit/postgres';
import { createBootstrap, type Bootstrap } from './bootstrap.ts';
import type { CreatedOrganization } from './bootstrap/create-organization.ts';
import type { MailConfig } from './config.ts';
import { waitForMail } from './modules/mail/test-outbox.ts';
import { start } from './start.ts';

export interface GraphqlAnswer {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[];
}

export interface TestOrganization extends CreatedOrganization {
  /** Its public id. */
  readonly id: string;
  readonly email: string;
  readonly password: string;
}

type Identity = Omit<Authenticated, 'expiresAtMs'>;

/** Where a request comes from, as the gateway saw it. */
export interface TestClient {
  readonly ipAddress: string;
  readonly userAgent: string;
}

const CLIENT: TestClient = { ipAddress: '192.0.2.1', userAgent: 'test' };
const ANONYMOUS: Identity = { actor: { type: 'anonymous' }, organizationId: null, permissions: [] };
const INTERNAL_SECRET = 'the secret of these tests, long enough';

const noSuchHost: ResolveHost = (hostname, answer) => {
  answer(Object.assign(new Error(`no such host: ${hostname}`), { code: 'ENOTFOUND' }), []);
};

/** The identity service on a database of its own, with the gateway's part played by the test. */
export interface TestIdentity {
  readonly databaseUrl: string;
  /** The text of the newest mail to an address, once it is there. */
  mailTo(email: string): Promise<string>;
  readonly bootstrap: Bootstrap;
  /** Moves the service's clock, not the machine's. */
  advance(ms: number): void;
  /** By the service's clock. */
  now(): number;
  /** A fresh organization with its Owner. */
  organization(): Promise<TestOrganization>;
  graphql(query: string, variables?: object, as?: Identity, client?: TestClient): Promise<GraphqlAnswer>;
  authenticate(credential: AuthenticateRequest | object, secret?: string): Promise<Response>;
  /** As the gateway does when a browser comes back from an OpenID provider. */
  completeOidc(request: OidcCompleteRequest): Promise<Response>;
  /** Who a credential stands for. */
  whoIs(credential: AuthenticateRequest): Promise<Authenticated>;
  /** Signs a fresh system administrator in, who belongs to no organization. */
  systemAdmin(): Promise<Authenticated>;
  /** A blocking budget on an account, which is billing's to make. */
  addBudget(organization: TestOrganization, accountId: string): Promise<void>;
  /** Signs the Owner of an organization in. */
  ownerOf(owner: Pick<TestOrganization, 'email' | 'password'>): Promise<Authenticated>;
  /** As the gateway does for whoever opens the link of an export. */
  downloadExport(token: string): Promise<Response>;
  stop(): Promise<void>;
}

export interface TestIdentityOptions {
  /** In which providers may be. */
  readonly privateNetworks?: readonly Cidr[];
  /** Files in a folder of its own by default. */
  readonly mail?: MailConfig;
}

export async function startTestIdentity(options: TestIdentityOptions = {}): Promise<TestIdentity> {
  const database = await createTestDatabase();
  let offsetMs = 0;
  const clock = { now: () => Date.now() + offsetMs };
  const masterKey = randomBytes(32);
  const outbox = await mkdtemp(join(tmpdir(), 'weir-outbox-'));
  const db = createDatabase({ url: database.url, role: 'weir_identity', max: 2 });
  const bootstrap = await createBootstrap({ db, masterKey, clock });
  const log = createLogger({ service: 'identity', level: 'silent' });
  const anywhere = { host: '127.0.0.1', port: 0, adminHost: '127.0.0.1', adminPort: 0 };
  const running = await start(
    {
      ...anywhere,
      databaseUrl: database.url,
      masterKey: [masterKey],
      internalSecret: INTERNAL_SECRET,
      privateNetworks: options.privateNetworks ?? [],
      logLevel: 'silent',
      publicUrl: 'https://weir.example',
      signingKeyMaxAgeMs: 90 * 86_400_000,
      mail: options.mail ?? { to: 'files', folder: outbox },
    },
    // No test asks the machine's resolver.
    { log, clock, resolveHost: noSuchHost },
  );
  const url = `http://127.0.0.1:${String(running.ports.http)}`;
  const signer = createIdentitySigner(INTERNAL_SECRET);

  async function post(path: string, body: object, headers: Record<string, string>): Promise<Response> {
    const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers } };
    return fetch(url + path, { ...init, body: JSON.stringify(body) });
  }

  async function graphql(
    query: string,
    variables: object = {},
    as: Identity = ANONYMOUS,
    client: TestClient = CLIENT,
  ): Promise<GraphqlAnswer> {
    const { actor, organizationId, permissions } = as;
    const token = await signer.sign({ actor, organizationId, permissions, requestId: 'test', ...client }); // prettier-ignore
    const response = await post('/graphql', { query, variables }, { [IDENTITY_HEADER]: token });
    return (await response.json()) as GraphqlAnswer;
  }

  async function authenticate(credential: object, secret = INTERNAL_SECRET): Promise<Response> {
    return post('/internal/authenticate', credential, { [INTERNAL_SECRET_HEADER]: secret });
  }

  async function whoIs(credential: AuthenticateRequest): Promise<Authenticated> {
    return authenticatedSchema.parse(await (await authenticate(credential)).json());
  }

  async function signedIn({ email, password }: { email: string; password: string }): Promise<Authenticated> {
    const answer = await graphql(
      'mutation ($input: SignInInput!) { signIn(input: $input) { accessToken } }',
      { input: { email, password } },
    );
    const { accessToken } = answer.data?.['signIn'] as { accessToken: string };
    return whoIs({ accessToken });
  }

  return {
    databaseUrl: database.url,
    bootstrap,
    advance: (ms) => {
      offsetMs += ms;
    },
    now: clock.now,
    async organization() {
      const slug = `org-${newUuid().slice(-12)}`;
      const owner = { email: `${slug}@example.org`, password: `password of ${slug}`, displayName: 'Owner' };
      const created = await bootstrap.createOrganization({ name: `The ${slug}`, slug, timeZone: 'Europe/Berlin', owner }); // prettier-ignore
      if (!created.ok) throw new Error(`not created: ${created.error}`);
      return { ...created.value, ...owner, id: encodeId('organization', created.value.organizationId) };
    },
    async addBudget({ organizationId }, accountId) {
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      try {
        await client.query(
          `insert into billing.budgets (id, organization_id, node_kind, node_id, name, metric, limit_amount, period, enforcement)
           values (gen_random_uuid(), $1, 'ACCOUNT', $2, 'Month', 'COST', 1, 'MONTHLY', 'BLOCK')`,
          [organizationId, decodeId('account', accountId)],
        );
      } finally {
        await client.end();
      }
    },
    graphql,
    authenticate,
    completeOidc: (request) =>
      post('/internal/oidc/complete', request, { [INTERNAL_SECRET_HEADER]: INTERNAL_SECRET }),
    whoIs,
    async systemAdmin() {
      const admin = { email: `admin-${newUuid().slice(-12)}@example.org`, password: 'weirs need somebody' };
      const created = await bootstrap.createSystemAdmin({ ...admin, displayName: 'Admin' });
      if (!created.ok) throw new Error(`not created: ${created.error}`);
      return signedIn(admin);
    },
    downloadExport: (token) =>
      post(
        AUDIT_EXPORT_INTERNAL_PATH,
        { token, requestId: 'test', ...CLIENT },
        { [INTERNAL_SECRET_HEADER]: INTERNAL_SECRET },
      ),
    ownerOf: signedIn,
    mailTo: (email) => waitForMail(outbox, email),
    async stop() {
      await running.stop();
      await db.$disconnect();
      await database.drop();
      await rm(outbox, { recursive: true, force: true });
    },
  };
}
