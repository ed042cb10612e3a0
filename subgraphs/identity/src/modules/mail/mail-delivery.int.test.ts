import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { simpleParser, type ParsedMail } from 'mailparser';
import pg from 'pg';
import { SMTPServer } from 'smtp-server';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createDatabase, type Database } from '@weir/prisma/database';
import { createLogger } from '@weir/service/logger';
import { createWaker } from '@weir/service/waker';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { createFileTransport } from './file-transport.ts';
import { deliverDueMails, startMailDelivery } from './mail-delivery.ts';
import { createMailLinks } from './mail-links.ts';
import type { MailTransport } from './mail-transport.ts';
import { createQueueMail } from './queue-mail.ts';
import { createSmtpTransport } from './smtp-transport.ts';
import { waitForMail } from './test-outbox.ts';

const HOUR_MS = 60 * 60_000;
const masterKey = randomBytes(32);
const log = createLogger({ service: 'mail', level: 'silent' });
let nowMs = Date.now();
const clock = { now: () => nowMs };
const queueMail = createQueueMail({ masterKey, clock, links: createMailLinks('https://weir.example') });
const to = 'ada@example.org';
const mail = { kind: 'emailVerification', displayName: 'Ada <b>', organizationName: 'Röhren & Söhne', token: 'the-token' } as const; // prettier-ignore

let database: TestDatabase;
let db: Database;
beforeAll(async () => {
  database = await createTestDatabase();
  db = createDatabase({ url: database.url, role: 'weir_identity', max: 4 });
});
afterAll(async () => {
  await db.$disconnect();
  await database.drop();
});
afterEach(async () => {
  await db.mailOutbox.deleteMany();
});

const queue = () => db.$transaction((tx) => queueMail(tx, { to, mail }));
const deliver = (transport: MailTransport) => deliverDueMails({ db, clock, masterKey, transport, log });
const rows = () => db.mailOutbox.findMany();

describe('over SMTP', () => {
  let server: SMTPServer;
  let transport: MailTransport;
  let received: ParsedMail[];
  let refusal: { readonly responseCode: number } | undefined;
  beforeEach(async () => {
    received = [];
    refusal = undefined;
    server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onRcptTo: (_address, _session, done) => {
        done(refusal && Object.assign(new Error(`no mailbox ${to}`), refusal));
      },
      onData: (stream, _session, done) => {
        simpleParser(stream).then((parsed) => {
          received.push(parsed);
          done();
        }, done);
      },
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.server.address() as { port: number };
    transport = createSmtpTransport({
      url: `smtp://127.0.0.1:${String(port)}`,
      from: 'Weir <weir@example.com>',
      timeoutMs: 2_000,
    });
  });
  afterEach(async () => {
    transport.close();
    await new Promise<void>((closed) => server.close(() => closed()));
  });

  it('a mail arrives whole, as text and as HTML, and leaves nothing behind', async () => {
    await queue();
    const [row] = await rows();
    expect(JSON.stringify(row)).not.toMatch(/the-token|ada@/);
    await deliver(transport);
    const [parsed] = received;
    expect(parsed).toMatchObject({
      subject: 'Confirm your e-mail address',
      from: { text: '"Weir" <weir@example.com>' },
      to: { text: to },
    });
    expect(parsed?.text).toContain('https://weir.example/verify-email#token=the-token');
    expect(parsed?.text).toContain('signing Röhren & Söhne up');
    expect(parsed?.html).toContain('Hello Ada &lt;b&gt;,');
    expect(parsed?.headers.get('auto-submitted')).toBe('auto-generated');
    expect(await rows()).toEqual([]);
  });

  it('is sent when its transaction commits, and not at all when it does not', async () => {
    const undone = db.$transaction(async (tx) => {
      await queueMail(tx, { to, mail });
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await deliver(transport)).toBe(0);
  });

  it('of processes side by side one sends each mail', async () => {
    for (let count = 0; count < 8; count++) await queue();
    const took = await Promise.all([deliver(transport), deliver(transport), deliver(transport)]);
    expect(took.reduce((sum, count) => sum + count)).toBe(8);
    expect(received).toHaveLength(8);
  });

  it('a temporary refusal is tried again, later and later, and given up after a day', async () => {
    refusal = { responseCode: 451 };
    await queue();
    const begunMs = nowMs;
    const attemptsMs: number[] = [];
    for (let tries = 0; tries < 100; tries++) {
      const [row] = await rows();
      if (row?.status !== 'QUEUED') break;
      nowMs = row.nextAttemptAt.getTime();
      attemptsMs.push(nowMs - begunMs);
      await deliver(transport);
    }
    expect(attemptsMs.slice(0, 4)).toEqual([0, 15_000, 45_000, 105_000]);
    const pauses = attemptsMs.slice(1).map((ms, index) => ms - (attemptsMs[index] ?? 0));
    expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
    expect(Math.max(...pauses)).toBe(HOUR_MS);
    expect(attemptsMs.at(-1)).toBeGreaterThan(22 * HOUR_MS);
    expect(attemptsMs.at(-1)).toBeLessThan(24 * HOUR_MS);
    expect(await rows()).toMatchObject([
      { status: 'FAILED', ciphertext: null, nonce: null, lastError: 'EENVELOPE 451' },
    ]);
    expect(received).toEqual([]);
  });

  it('a final refusal ends it at once', async () => {
    refusal = { responseCode: 550 };
    await queue();
    await deliver(transport);
    expect(await rows()).toMatchObject([{ status: 'FAILED', ciphertext: null, lastError: 'EENVELOPE 550' }]);
  });

  it('a mail server that is away delays a mail and no more', async () => {
    await queue();
    await deliver(
      createSmtpTransport({ url: 'smtp://127.0.0.1:1', from: 'weir@example.com', timeoutMs: 500 }),
    );
    expect(await rows()).toMatchObject([{ status: 'QUEUED', attempts: 1, lastError: expect.stringMatching(/ECONN|ESOCKET/) as string }]); // prettier-ignore
    nowMs += 15_000;
    await deliver(transport);
    expect(received).toHaveLength(1);
  });

  it('whoever dies while sending leaves the mail to the next', async () => {
    await queue();
    const dying: MailTransport = { send: () => new Promise(() => undefined), close: () => undefined };
    void deliver(dying).catch(() => undefined);
    await expect.poll(async () => (await rows())[0]?.attempts).toBe(1);
    expect(await deliver(transport)).toBe(0);
    nowMs += 2 * 60_000;
    expect(await deliver(transport)).toBe(1);
    expect(received).toHaveLength(1);
  });
});

describe('deliveries', () => {
  it('hear of a mail when its transaction commits, and of none that does not', async () => {
    const heard: string[] = [];
    const listener = new pg.Client({ connectionString: database.url });
    await listener.connect();
    onTestFinished(() => listener.end());
    listener.on('notification', ({ channel }) => heard.push(channel));
    await listener.query('listen mail');
    const undone = db.$transaction(async (tx) => {
      await queueMail(tx, { to, mail });
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    await queue();
    await listener.query('select');
    expect(heard).toEqual(['mail']);
  });

  it('send what they are woken for without waiting for their next look', async () => {
    const waker = createWaker();
    const asleep = Promise.withResolvers<undefined>();
    const neverByItself = {
      ...waker,
      wait: () => {
        asleep.resolve(undefined);
        return waker.wait(2 ** 31 - 1);
      },
    };
    const sent = Promise.withResolvers<string>();
    const transport: MailTransport = {
      send: (id) => Promise.resolve(sent.resolve(id)),
      close: () => undefined,
    };
    const delivery = startMailDelivery({ db, clock, masterKey, transport, log }, neverByItself);
    onTestFinished(() => delivery.stop());
    await asleep.promise;
    await queue();
    waker.wake();
    expect(await sent.promise).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('as files', () => {
  it('a mail is kept where only the platform’s user reads it', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'weir-mail-'));
    onTestFinished(() => rm(parent, { recursive: true }));
    const folder = join(parent, 'outbox');
    await queue();
    await deliver(createFileTransport({ folder, clock, log }));
    const text = await waitForMail(folder, to);
    expect(text).toContain('Subject: Confirm your e-mail address\n');
    expect(text).toContain('https://weir.example/verify-email#token=the-token\n');
    const names = await readdir(folder);
    expect(names.map((name) => name.slice(-4)).toSorted()).toEqual(['.txt', 'html']);
    for (const name of names) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect(await rows()).toEqual([]);
  });
});
