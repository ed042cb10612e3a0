import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { createLogger } from '@weir/service/logger';
import { identityOf } from '../../test-identity.ts';
import { createAlertFeed } from './alert-feed.ts';
import type { AlertStream } from './alert-stream.ts';
import type { AlertSource } from './alert-topic.ts';
import type { BudgetAlert } from './budget-alert.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const organizationId = newUuid();
const { actor } = identityOf({ organizationId });

/** What the database holds: alerts of one organization, numbered with gaps as a shared sequence leaves them. */
function createTable() {
  const rows: BudgetAlert[] = [];
  const source: AlertSource = {
    after: (organization, seq, take) =>
      Promise.resolve(
        rows.filter((row) => row.organizationId === organization && row.seq > seq).slice(0, take),
      ),
    latest: () => Promise.resolve(rows.at(-1)?.seq ?? 0n),
  };
  const insert = (): bigint => {
    const seq = BigInt(rows.length * 3 + 1);
    rows.push({
      id: newUuid(),
      organizationId,
      nodeId: newUuid(),
      budgetId: newUuid(),
      metric: 'COST',
      threshold: 50,
      limit: 10n,
      spent: 5n,
      periodStart: '2026-11-01',
      raisedAt: new Date(),
      seq,
    });
    return seq;
  };
  return { rows, source, insert };
}

async function takeAll(stream: AlertStream, count: number): Promise<bigint[]> {
  const taken: bigint[] = [];
  while (taken.length < count) {
    const { value } = await stream.next();
    if (!value) break;
    taken.push(value.seq);
  }
  return taken;
}

const signal = (id: Uuid = organizationId) => ({ organizationId: id, alertId: newUuid() });

describe('a stream of alerts', () => {
  it('has every alert after its position once and in order, whatever signals are lost and however slowly it reads', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 400 }),
        fc.nat({ max: 400 }),
        fc.array(fc.constantFrom('raise', 'raiseUnheard', 'burst', 'read', 'reconnect'), { maxLength: 40 }),
        async (before, after, steps) => {
          const { rows, source, insert } = createTable();
          for (let n = 0; n < before; n++) insert();
          const feed = createAlertFeed({ source, log });
          const from = BigInt(Math.min(after, before) * 3);
          const stream = await feed.subscribe(actor, organizationId, from);
          const read: bigint[] = [];
          for (const step of steps) {
            if (step === 'raise' || step === 'raiseUnheard') insert();
            if (step === 'burst') for (let n = 0; n < 300; n++) insert();
            if (step === 'raise' || step === 'burst') feed.onAlert(signal());
            if (step === 'reconnect') await feed.catchUp();
            const isThere = rows.some((row) => row.seq > (read.at(-1) ?? from));
            if (step === 'read' && isThere) {
              await feed.catchUp();
              read.push(...(await takeAll(stream, 1)));
            }
          }
          await feed.catchUp();
          const expected = rows.map((row) => row.seq).filter((seq) => seq > from);
          read.push(...(await takeAll(stream, expected.length - read.length)));
          expect(read).toEqual(expected);
          await stream.return(undefined);
          expect(feed.subscribers()).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('begins now without a position', async () => {
    const { source, insert } = createTable();
    insert();
    const feed = createAlertFeed({ source, log });
    const stream = await feed.subscribe(actor, organizationId, undefined);
    const next = stream.next();
    const raised = insert();
    feed.onAlert(signal());
    expect((await next).value?.seq).toBe(raised);
  });

  it('is not told of alerts of other organizations', async () => {
    const { source, insert } = createTable();
    const feed = createAlertFeed({ source, log });
    const other = newUuid();
    const stream = await feed.subscribe(actor, other, 0n);
    insert();
    feed.onAlert(signal(other));
    await feed.catchUp();
    const next = stream.next();
    await stream.return(undefined);
    expect(await next).toEqual({ done: true, value: undefined });
  });

  it('ends at once when its subscriber leaves while it waits', async () => {
    const feed = createAlertFeed({ source: createTable().source, log });
    const stream = await feed.subscribe(actor, organizationId, undefined);
    const next = stream.next();
    await stream.return(undefined);
    expect(await next).toEqual({ done: true, value: undefined });
    expect(feed.subscribers()).toBe(0);
  });

  it('fails when its session ends or the rights of its person change, and no other does', async () => {
    const feed = createAlertFeed({ source: createTable().source, log });
    const others = identityOf({ organizationId });
    const mine = await feed.subscribe(actor, organizationId, undefined);
    const theirs = await feed.subscribe(others.actor, organizationId, undefined);
    if (actor.type !== 'user') throw new Error('a person is needed');
    const next = mine.next();
    feed.onSession({ sessionId: null, userId: actor.userId });
    await expect(next).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(feed.subscribers()).toBe(1);
    await theirs.return(undefined);
  });

  it('goes on after the database could not be read', async () => {
    const { source, insert } = createTable();
    let isDown = false;
    const flaky: AlertSource = {
      ...source,
      after: (...args) => (isDown ? Promise.reject(new Error('down')) : source.after(...args)),
    };
    const feed = createAlertFeed({ source: flaky, log });
    const stream = await feed.subscribe(actor, organizationId, undefined);
    const next = stream.next();
    isDown = true;
    const raised = insert();
    feed.onAlert(signal());
    await feed.catchUp();
    isDown = false;
    await feed.catchUp();
    expect((await next).value?.seq).toBe(raised);
  });
});
