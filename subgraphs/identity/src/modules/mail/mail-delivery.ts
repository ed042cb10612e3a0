import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '@weir/kernel/clock';
import type { Database } from '@weir/prisma/database';
import type { Logger } from '@weir/service/logger';
import type { MasterKey } from '@weir/service/vault';
import type { Waker } from '@weir/service/waker';
import { openLetter } from './letter.ts';
import { createMailOutbox, type ClaimedMail } from './mail-outbox.ts';
import { MailRefused, type MailTransport } from './mail-transport.ts';

export interface MailDeliveryDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly masterKey: MasterKey;
  readonly transport: MailTransport;
  readonly log: Logger;
}

export interface MailDelivery {
  /** Waits for the mails that are being sent. */
  stop(): Promise<void>;
}

/** How late a mail may be that no signal told of: one that is tried again, or of a process that died with it. */
const POLL_MS = 5_000;
/** Mails that one process sends at the same time. */
const BATCH = 5;
const SEND_TIMEOUT_MS = 30_000;
/** Longer than a batch can take, so that no other process sends the same mail meanwhile. */
const CLAIM_MS = 2 * 60_000;
const BACKOFF_FIRST_MS = 15_000;
const BACKOFF_LAST_MS = 60 * 60_000;
const GIVE_UP_AFTER_MS = 24 * 60 * 60_000;
const FAILED_KEPT_MS = 30 * 24 * 60 * 60_000;
const PURGE_INTERVAL_MS = 60 * 60_000;
const ERROR_LENGTH_MAX = 200;

const backoffMs = (attempts: number): number =>
  Math.min(BACKOFF_LAST_MS, BACKOFF_FIRST_MS * 2 ** Math.min(attempts - 1, 20));

async function withDeadline(work: Promise<void>): Promise<void> {
  const done = new AbortController();
  const late = sleep(SEND_TIMEOUT_MS, undefined, { signal: done.signal }).then(() => {
    throw new Error(`the mail server did not finish within ${SEND_TIMEOUT_MS / 1_000} s`);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    done.abort();
    // Whichever lost the race fails unheard.
    for (const loser of [work, late]) loser.catch(() => undefined);
  }
}

/** What went wrong, without what the mail says; a server's answer may quote the address. */
function reasonOf(thrown: unknown): string {
  const error = thrown instanceof MailRefused ? thrown.cause : thrown;
  if (!(error instanceof Error)) return 'unknown';
  const { code, responseCode } = error as { code?: unknown; responseCode?: unknown };
  const facts = [code, responseCode].filter((fact) => typeof fact === 'string' || typeof fact === 'number');
  return (facts.length > 0 ? facts.join(' ') : error.message).slice(0, ERROR_LENGTH_MAX);
}

/** Sends what is due, once. Returns how many mails it took. */
export async function deliverDueMails(deps: MailDeliveryDeps): Promise<number> {
  const { db, clock, masterKey, transport, log } = deps;
  const outbox = createMailOutbox(db);

  async function deliver({ id, kind, attempts, createdAt, ...sealed }: ClaimedMail): Promise<void> {
    try {
      await withDeadline(transport.send(id, openLetter(id, sealed, masterKey)));
    } catch (thrown) {
      const reason = reasonOf(thrown);
      const nextMs = clock.now() + backoffMs(attempts);
      if (thrown instanceof MailRefused || nextMs >= createdAt.getTime() + GIVE_UP_AFTER_MS) {
        log.error({ mailId: id, kind, attempts, reason }, 'mail given up');
        return outbox.givenUp(id, reason);
      }
      log.warn({ mailId: id, kind, attempts, reason }, 'mail not sent; it is tried again');
      return outbox.failedOnce(id, reason, new Date(nextMs));
    }
    await outbox.delivered(id);
  }

  const nowMs = clock.now();
  const claimed = await outbox.claim(new Date(nowMs), new Date(nowMs + CLAIM_MS), BATCH);
  await Promise.all(claimed.map(deliver));
  return claimed.length;
}

/** Sends mails when it is woken and as they become due, on any number of processes side by side. */
export function startMailDelivery(deps: MailDeliveryDeps, waker: Waker): MailDelivery {
  const { db, clock, log } = deps;
  const stopping = new AbortController();
  let purgedAtMs = clock.now();

  async function purgeSometimes(): Promise<void> {
    if (clock.now() < purgedAtMs + PURGE_INTERVAL_MS) return;
    purgedAtMs = clock.now();
    await createMailOutbox(db).purge(new Date(purgedAtMs - FAILED_KEPT_MS));
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      let took = 0;
      waker.clear();
      try {
        took = await deliverDueMails(deps);
        await purgeSometimes();
      } catch (err) {
        log.warn({ err }, 'the outbox of mails cannot be read');
      }
      if (took < BATCH && !stopping.signal.aborted) await waker.wait(POLL_MS);
    }
  }

  const running = run();
  return {
    async stop() {
      stopping.abort();
      waker.wake();
      await running;
      deps.transport.close();
    },
  };
}
