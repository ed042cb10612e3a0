import { createServer } from 'node:http';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeId, newUuid } from '@weir/kernel/ids';
import { insertRow } from '@weir/testkit/postgres-tenant';
import { freePort } from './src/free-port.ts';
import { sendGraphql, signIn, type Session } from './src/graphql.ts';
import { startPlatform, type Platform } from './src/platform.ts';
import { runWeir, type Ran } from './src/weir-command.ts';

let platform: Platform;
let session: Session;

beforeAll(async () => {
  platform = await startPlatform('embedded');
  session = await signIn(platform.access);
});
afterAll(() => platform[Symbol.asyncDispose]());

const url = (): string => platform.access.graphqlUrl.replace(/\/graphql$/, '');

const weir = (...args: readonly string[]): Promise<Ran> =>
  runWeir(args, { WEIR_URL: url(), WEIR_TOKEN: session.accessToken });

/** On the database of the platform. */
const weirAtHome = (...args: readonly string[]): Promise<Ran> => runWeir(args, { WEIR_HOME: platform.home });

interface CreatedKey {
  readonly id: string;
  readonly secret: string;
}

async function createKey(name: string): Promise<CreatedKey> {
  const { stdout, exitCode, stderr } = await weir('apikey', 'create', '--name', name, '--format', 'json');
  expect(exitCode, stderr).toBe(0);
  const [key] = JSON.parse(stdout) as CreatedKey[];
  if (!key) throw new Error('no key was created');
  return key;
}

describe('weir apikey', () => {
  it('creates a key whose secret is shown once, and which works for the command itself', async () => {
    const { id, secret } = await createKey('ci');
    expect(secret).toMatch(/^sk-Xvs/);
    const listed = await weir('apikey', 'list');
    expect(listed.exitCode).toBe(0);
    expect(listed.stdout).toContain(id);
    expect(listed.stdout).not.toContain(secret);
    const shown = await runWeir(['org', 'show', '--quiet'], { WEIR_URL: url(), WEIR_API_KEY: secret });
    expect(shown).toMatchObject({ exitCode: 0, stdout: `${platform.access.organizationId}\n` });
  });

  it('prints tables, JSON and CSV, and with --quiet only ids', async () => {
    const { id } = await createKey('=1+1');
    expect((await weir('apikey', 'list')).stdout.split('\n')[0]).toMatch(
      /^ID\s+NAME\s+KEY\s+SCOPES\s+STATUS/,
    );
    const json = JSON.parse((await weir('apikey', 'list', '--format', 'json')).stdout) as { id: string }[];
    expect(json.map((key) => key.id)).toContain(id);
    const csv = (await weir('--format', 'csv', 'apikey', 'list')).stdout;
    expect(csv.split('\n')[0]).toBe('id,name,key,scopes,status,expiresAt,createdAt');
    expect(csv).toContain(`${id},'=1+1,`);
    const quiet = await weir('apikey', 'list', '--quiet');
    expect(quiet.stdout.trim().split('\n')).toContain(id);
    expect(quiet.stderr).toBe('');
  });

  it('rotates, and revokes only when that is confirmed', async () => {
    const { id } = await createKey('short-lived');
    const rotated = await weir('apikey', 'rotate', id, '--overlap-seconds', '0', '--format', 'json');
    const [next] = JSON.parse(rotated.stdout) as CreatedKey[];
    expect(next?.secret).toMatch(/^sk-Xvs/);
    const status = async (): Promise<string | undefined> => {
      const { stdout } = await weir('apikey', 'list', '--format', 'json');
      return (JSON.parse(stdout) as { id: string; status: string }[]).find((key) => key.id === next?.id)
        ?.status;
    };
    expect(await weir('apikey', 'revoke', next?.id ?? '')).toMatchObject({ exitCode: 2 });
    const rehearsal = await weir('apikey', 'revoke', next?.id ?? '', '--confirm', '--dry-run');
    expect(rehearsal).toMatchObject({ exitCode: 0, stdout: '' });
    expect(rehearsal.stderr).toContain('Nothing was changed');
    expect(await status()).toBe('ACTIVE');
    expect(await weir('apikey', 'revoke', next?.id ?? '', '--confirm')).toMatchObject({ exitCode: 0 });
    expect(await status()).toBe('REVOKED');
  });
});

describe('weir org and user', () => {
  it('shows and updates the organization', async () => {
    const updated = await weir('org', 'update', '--name', 'Renamed by the command', '--format', 'json');
    expect(JSON.parse(updated.stdout)).toMatchObject([{ name: 'Renamed by the command' }]);
    expect((await weir('org', 'show')).stdout).toContain('Renamed by the command');
    expect(await weir('org', 'update')).toMatchObject({ exitCode: 2 });
  });

  it('invites somebody and lists them', async () => {
    const email = 'new.colleague@example.org';
    const invited = await weir('user', 'invite', email, '--role', 'developer', '--format', 'json');
    expect(invited.stderr).toBe('');
    expect(JSON.parse(invited.stdout)).toMatchObject([{ email, role: 'Developer', status: 'INVITED' }]);
    expect((await weir('user', 'list', '--search', 'colleague')).stdout).toContain(email);
    expect((await weir('user', 'update', email, '--role', 'analyst')).stdout).toContain('Analyst');
    const nobody = await weir('user', 'suspend', 'nobody@example.org', '--reason', 'x', '--confirm');
    expect(nobody).toMatchObject({ exitCode: 2 });
  });
});

/** Somebody who belongs to the organization already, without having been invited. @returns Their address. */
async function addMember(name: string): Promise<string> {
  const email = `${name}@example.org`;
  const database = new pg.Client({ connectionString: platform.databaseUrl });
  await database.connect();
  try {
    const userId = newUuid();
    await insertRow(database, 'identity.users', { id: userId, email, display_name: name });
    await insertRow(database, 'identity.memberships', {
      id: newUuid(),
      organization_id: decodeId('organization', platform.access.organizationId),
      user_id: userId,
      role: 'DEVELOPER',
    });
  } finally {
    await database.end();
  }
  return email;
}

describe('weir user suspend and remove', () => {
  it('suspend a member, only when that is confirmed', async () => {
    const email = await addMember('lost.laptop');
    const suspend = (...args: readonly string[]) =>
      weir('user', 'suspend', email, '--reason', 'a lost laptop', ...args);
    expect(await suspend()).toMatchObject({ exitCode: 2, stdout: '' });
    const status = async (): Promise<string> => {
      const { stdout } = await weir('user', 'list', '--search', email, '--format', 'json');
      return (JSON.parse(stdout) as { status: string }[]).map((member) => member.status).join();
    };
    expect(await status()).toBe('ACTIVE');
    const suspended = await suspend('--confirm', '--format', 'json');
    expect(suspended).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(suspended.stdout)).toMatchObject([{ email, role: 'Developer', status: 'SUSPENDED' }]);
    expect(await status()).toBe('SUSPENDED');
  });

  it('remove a member for good, only when that is confirmed', async () => {
    const email = await addMember('moves.on');
    expect(await weir('user', 'remove', email)).toMatchObject({ exitCode: 2, stdout: '' });
    const removed = await weir('user', 'remove', email, '--confirm', '--format', 'json');
    expect(removed).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(removed.stdout)).toMatchObject([{ email, status: 'REMOVED' }]);
    expect((await weir('user', 'list', '--search', email)).stdout).not.toContain(email);
    expect(await weir('user', 'remove', email, '--confirm')).toMatchObject({ exitCode: 2 });
  });
});

describe('exit codes', () => {
  it.each([
    [['nonsense']],
    [['apikey', 'create']],
    [['apikey', 'list', '--format', 'xml']],
    [['apikey', 'list', '--limit', 'many']],
  ])('are 2 for %j', async (args) => {
    const { exitCode, stdout, stderr } = await weir(...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).not.toBe('');
  });

  it('are 2 without a credential and 1 for one that is not accepted', async () => {
    expect(await runWeir(['org', 'show'], { WEIR_URL: url() })).toMatchObject({ exitCode: 2 });
    const refused = await runWeir(['org', 'show'], { WEIR_URL: url(), WEIR_TOKEN: 'nonsense' });
    expect(refused).toMatchObject({ exitCode: 1 });
    expect(refused.stderr).not.toContain('nonsense');
  });

  it('are 1 for what the platform refuses', async () => {
    const { exitCode, stderr } = await weir('apikey', 'revoke', platform.access.organizationId, '--confirm');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('key_');
  });

  it('are 3 when nobody is there', async () => {
    const nowhere = `http://127.0.0.1:${String(await freePort())}`;
    const { exitCode, stderr } = await weir('--url', nowhere, '--timeout', '20', 'org', 'show', '--verbose');
    expect(exitCode).toBe(3);
    expect(stderr).toContain('Trying again in 1 s');
    expect(stderr).toContain('Trying again in 4 s');
  });

  it('are 0 when the platform comes back in time', async () => {
    let requests = 0;
    const server = createServer((_, response) => {
      requests += 1;
      const isAway = requests < 3;
      response.writeHead(isAway ? 503 : 200, { 'content-type': 'application/json' });
      response.end(isAway ? '' : '{"data":{"organization":{"id":"org_1"}}}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const ran = await weir('--url', `http://127.0.0.1:${String(port)}`, 'org', 'show', 'org_1', '--quiet');
    server.close();
    expect(ran).toMatchObject({ exitCode: 0, stdout: 'org_1\n' });
    expect(requests).toBe(3);
  });
});

const RANGE = ['--from', '2026-01-01T00:00:00Z', '--to', new Date(Date.now() + 3_600_000).toISOString()];

describe('weir audit', () => {
  it('exports a file that is its owner’s alone and verifies by itself', async () => {
    const file = join(platform.home, 'trail.ndjson');
    const from = new Date(Date.now() - 3_600_000).toISOString();
    const range = ['--from', from, ...RANGE.slice(2)];
    const exported = await weir('audit', 'export', ...range, '--output', file);
    expect(exported).toMatchObject({ exitCode: 0, stderr: '' });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await weir('audit', 'export', ...range, '--output', file)).toMatchObject({ exitCode: 2 });
    expect(await weir('audit', 'verify', '--file', file)).toMatchObject({ exitCode: 0 });
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(5);
    const forged = lines.map((line, index) => (index === 3 ? line.replace('"SUCCESS"', '"FAILURE"') : line));
    const shortened = lines.filter((_, index) => index !== 3);
    const reordered = [...lines.slice(0, 2), lines[3], lines[2], ...lines.slice(4)];
    for (const [name, content] of Object.entries({ forged, reordered })) {
      writeFileSync(`${file}.${name}`, `${content.join('\n')}\n`);
      expect(await weir('audit', 'verify', '--file', `${file}.${name}`), name).toMatchObject({ exitCode: 1 });
    }
    // A file may leave events out, as a filter does.
    writeFileSync(`${file}.shortened`, `${shortened.join('\n')}\n`);
    expect(await weir('audit', 'verify', '--file', `${file}.shortened`)).toMatchObject({ exitCode: 0 });
  });

  it('verifies the trail against what was noted before, and finds what was tampered with', async () => {
    const first = await weir('audit', 'verify', '--format', 'json');
    expect(first.exitCode).toBe(0);
    const [{ anchor } = { anchor: '' }] = JSON.parse(first.stdout) as { anchor: string }[];
    expect(await weir('audit', 'verify', '--anchor', anchor)).toMatchObject({ exitCode: 0 });
    const forged = `1:${'0'.repeat(64)}`;
    expect(await weir('audit', 'verify', '--anchor', forged)).toMatchObject({ exitCode: 1 });
    const superuser = new pg.Client({ connectionString: platform.databaseUrl });
    await superuser.connect();
    await superuser.query('set session_replication_role = replica');
    await superuser.query(
      `update audit.events set action = 'org.update' where sequence = 2 and action <> 'org.update'`,
    );
    await superuser.end();
    const tampered = await weir('audit', 'verify', '--quiet');
    expect(tampered).toMatchObject({
      exitCode: 1,
      stdout: 'false\n',
      stderr: 'Event 2 is not what was written.\n',
    });
  });
});

interface Shown {
  readonly for: string;
  readonly secret: string;
}

describe('weir bootstrap and break-glass', () => {
  const email = 'root@example.org';
  let shown: readonly Shown[];

  const signInAs = async (password: string): Promise<{ accessToken: string | null }> => {
    const answer = await sendGraphql(
      platform.access.graphqlUrl,
      'mutation ($input: SignInInput!) { signIn(input: $input) { accessToken } }',
      { input: { email, password } },
    );
    return answer.data?.['signIn'] as { accessToken: string | null };
  };

  it('says what they need, and what they would do', async () => {
    const nowhere = await runWeir(['bootstrap', '--email', email, '--dry-run=false', '--confirm'], {
      WEIR_HOME: '/nowhere',
    });
    expect(nowhere).toMatchObject({ exitCode: 2 });
    expect(nowhere.stderr).toContain('DATABASE_URL');
    const rehearsal = await weirAtHome('bootstrap', '--email', email);
    expect(rehearsal).toMatchObject({ exitCode: 0, stdout: '' });
    expect(rehearsal.stderr).toContain('--dry-run=false --confirm');
    expect(await weirAtHome('bootstrap', '--email', email, '--dry-run=false')).toMatchObject({ exitCode: 2 });
    expect(await signInAs('whatever')).toEqual({ accessToken: null });
  });

  it('make the first system administrator, once', async () => {
    const args = [
      'bootstrap',
      '--email',
      email,
      '--keeper',
      'alice',
      '--keeper',
      'bob',
      '--dry-run=false',
      '--confirm',
    ];
    const ran = await weirAtHome(...args, '--format', 'json');
    expect(ran.exitCode, ran.stderr).toBe(0);
    shown = JSON.parse(ran.stdout) as Shown[];
    expect(shown.map((row) => row.for)).toEqual([email, 'alice', 'bob']);
    const { accessToken } = await signInAs(shown[0]?.secret ?? '');
    const viewer = await sendGraphql(
      platform.access.graphqlUrl,
      '{ viewer { platformRole } }',
      {},
      accessToken ?? '',
    );
    expect(viewer.data).toEqual({ viewer: { platformRole: 'SYSTEM_ADMIN' } });
    expect(await weirAtHome(...args)).toMatchObject({ exitCode: 1 });
  });

  const breakGlass = (tokens: readonly string[]): Promise<Ran> =>
    weirAtHome(
      ...['break-glass', '--email', email, '--reason', 'nobody can sign in', '--valid-minutes', '30'],
      ...tokens.flatMap((token) => ['--recovery-token', token]),
      ...['--dry-run=false', '--confirm', '--format', 'json'],
    );

  it('take the approval of two keepers', async () => {
    const [, alice = { secret: '' }] = shown;
    expect(await breakGlass([alice.secret])).toMatchObject({ exitCode: 2 });
    expect(await breakGlass([alice.secret, alice.secret])).toMatchObject({ exitCode: 2 });
    const refused = await breakGlass([alice.secret, 'weir-recovery-guessed']);
    expect(refused).toMatchObject({ exitCode: 1 });
    expect(refused.stderr).toContain('Not approved');
    expect((await signInAs(shown[0]?.secret ?? '')).accessToken).not.toBeNull();
  });

  it('operate the platform: organizations of others are created, found, suspended and deleted', async () => {
    const { accessToken } = await signInAs(shown[0]?.secret ?? '');
    const asAdmin = (...args: readonly string[]): Promise<Ran> =>
      runWeir(args, { WEIR_URL: url(), WEIR_TOKEN: accessToken ?? '' });
    const args = ['--name', 'Others', '--slug', 'others', '--owner-email', 'owner@others.example.org'];
    const created = await asAdmin('org', 'create', ...args, '--plan', 'growth', '--quiet');
    expect(created.exitCode, created.stderr).toBe(0);
    const id = created.stdout.trim();
    expect((await asAdmin('org', 'list', '--search', 'others')).stdout).toContain(id);
    const reason = ['--reason', 'did not pay'];
    expect(await asAdmin('org', 'suspend', id, ...reason)).toMatchObject({ exitCode: 2 });
    expect((await asAdmin('org', 'suspend', id, ...reason, '--confirm')).stdout).toContain('SUSPENDED');
    expect((await asAdmin('org', 'activate', id, ...reason)).stdout).toContain('ACTIVE');
    const platformRole = (...role: readonly string[]) => asAdmin('user', 'platform-role', ...role);
    expect(await platformRole('--email', email, '--role', 'boss')).toMatchObject({ exitCode: 2 });
    const helper = await addMember('helps.out');
    const given = await platformRole('--email', helper, '--role', 'support', '--format', 'json');
    expect(given).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(given.stdout)).toMatchObject([{ email: helper, platformRole: 'SUPPORT' }]);
    const taken = await platformRole('--email', helper, '--role', 'none', '--format', 'json');
    expect(taken).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(taken.stdout)).toMatchObject([{ email: helper, platformRole: null }]);
    const last = await platformRole('--email', email, '--role', 'none');
    expect(last.exitCode).toBe(1);
    expect(last.stderr).toContain('last system administrator');
    const deleted = await asAdmin('org', 'delete', id, '--slug', 'others', '--confirm');
    expect(deleted.exitCode, deleted.stderr).toBe(0);
    expect(await weir('org', 'list')).toMatchObject({ exitCode: 1 });
  });

  it('give a new password, end everything old, and are in the platform’s trail', async () => {
    const [admin, alice, bob] = shown.map((row) => row.secret);
    const before = await signInAs(admin ?? '');
    const ran = await breakGlass([alice ?? '', bob ?? '']);
    expect(ran.exitCode, ran.stderr).toBe(0);
    const [fresh] = JSON.parse(ran.stdout) as Shown[];
    expect(await signInAs(admin ?? '')).toEqual({ accessToken: null });
    const { accessToken } = await signInAs(fresh?.secret ?? '');
    expect(accessToken).not.toBeNull();
    const trail = await sendGraphql(
      platform.access.graphqlUrl,
      '{ platformAuditEvents(filter: { actions: ["break_glass_action"] }) { nodes { metadata target { name } } } }',
      {},
      accessToken ?? '',
    );
    const { nodes } = trail.data?.['platformAuditEvents'] as {
      nodes: { metadata: string; target: { name: string } }[];
    };
    expect(nodes).toHaveLength(1);
    expect(nodes[0]?.target.name).toBe(email);
    expect(JSON.parse(nodes[0]?.metadata ?? '')).toMatchObject({
      keepers: ['alice', 'bob'],
      reason: 'nobody can sign in',
    });
    const old = await sendGraphql(
      platform.access.graphqlUrl,
      '{ viewer { platformRole } }',
      {},
      before.accessToken ?? '',
    );
    expect(old.errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED');
    expect(await breakGlass([alice ?? '', bob ?? ''])).toMatchObject({ exitCode: 1 });
    expect(ran.stdout + ran.stderr).not.toContain(alice);
  });

  it('open for a while only', async () => {
    const superuser = new pg.Client({ connectionString: platform.databaseUrl });
    await superuser.connect();
    const { rows } = await superuser.query<{ bounded: boolean }>(
      `select bool_and(s.expires_at <= u.break_glass_until) as bounded
       from identity.sessions s join identity.users u on u.id = s.user_id
       where u.email = $1 and s.revoked_at is null`,
      [email],
    );
    expect(rows).toEqual([{ bounded: true }]);
    const made = await weirAtHome(
      'recovery-tokens',
      '--keeper',
      'alice',
      '--keeper',
      'bob',
      '--dry-run=false',
      '--confirm',
      '--format',
      'json',
    );
    const tokens = (JSON.parse(made.stdout) as Shown[]).map((row) => row.secret);
    const [fresh] = JSON.parse((await breakGlass(tokens)).stdout) as Shown[];
    await superuser.query(
      `update identity.users set break_glass_until = now() - interval '1 second' where email = $1`,
      [email],
    );
    await superuser.end();
    expect(await signInAs(fresh?.secret ?? '')).toEqual({ accessToken: null });
  });
});
