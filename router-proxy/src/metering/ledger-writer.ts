import { setTimeout as delay } from 'node:timers/promises';
import type { AttemptRecord } from '@weir/contracts/attempt-record';
import type { Logger } from '@weir/service/logger';
import type { DeadLetters } from './dead-letters.ts';
import type { LedgerAppender } from './ledger-appender.ts';
import { createLedgerQueue, type Batch } from './ledger-queue.ts';
import type { MeteringMetrics } from './metrics.ts';
import type { MeteringSettings } from './settings.ts';
import type { Spill } from './spill.ts';

/**
 * Takes records and brings each into the ledger, at least once and therefore, by its key, exactly once.
 *
 * While Postgres answers, what is queued leaves in batches: after a pause when the oldest has waited `flushMs`, under
 * load every `paceMs` or when `flushRows` are ready, and when all statements are on their way with the next that comes
 * back, so batches grow with the load. An intent waits at least `intentMs` for its close to take its place.
 *
 * A batch that fails for want of Postgres goes back to the head of the queue and `away` begins: one probe at a time,
 * with backoff, and after `spillAfterMs` everything queued goes to disk. The first probe that succeeds ends it; the files
 * are then replayed beside the new batches. The queue is bounded by `queueRowsMax`; what is beyond goes to disk, whatever
 * the reason.
 */
export interface LedgerWriter {
  enqueue(record: AttemptRecord): void;
  /** Sends what is queued now instead of waiting for more. */
  flush(): void;
  /** False while neither Postgres nor the disk takes what is queued, or the spill is full. */
  isAccepting(): boolean;
  /** Resolves when everything enqueued before is in Postgres. Rejects with the signal's reason. */
  settled(signal: AbortSignal): Promise<void>;
  queuedRows(): number;
  /** Stops; what could not be sent until the signal is on disk afterwards. */
  stop(signal: AbortSignal): Promise<void>;
}

export interface LedgerWriterOptions {
  readonly appender: LedgerAppender;
  readonly spill: Spill;
  readonly deadLetters: DeadLetters;
  readonly settings: MeteringSettings;
  readonly metrics: MeteringMetrics;
  readonly log: Logger;
  /** Called for records that are in Postgres or on disk now. */
  readonly onDurable: (records: readonly AttemptRecord[]) => void;
}

const BACKOFF_MIN_MS = 50;
const BACKOFF_MAX_MS = 2_000;
const SETTLED_POLL_MS = 5;

export function createLedgerWriter(options: LedgerWriterOptions): LedgerWriter {
  const { appender, spill, deadLetters, settings, metrics, log, onDurable } = options;
  const queue = createLedgerQueue();
  /** A few, and no Set, which would keep batches for longer than they are sent (`renewed-map.ts`). */
  let sending: readonly Batch[] = [];
  let timer: NodeJS.Timeout | undefined;
  let lastBatchAtMs = Number.NEGATIVE_INFINITY;
  let awaySince: number | undefined;
  let isReplaying = false;
  let isStopping = false;
  let isSpillFailing = false;
  let isOverdue = false;

  const schedule = (): void => {
    if (timer) return;
    const untilPaceMs = lastBatchAtMs + settings.paceMs - performance.now();
    timer = setTimeout(
      () => {
        timer = undefined;
        pump();
      },
      Math.max(settings.flushMs, untilPaceMs),
    );
  };

  /** Sends what is ready as far as statements are free; what is left goes when one comes back. */
  const pump = (): void => {
    if (awaySince !== undefined) return spillIfDue();
    queue.release(performance.now() - settings.intentMs);
    while (queue.ready > 0 && sending.length < settings.inFlightMax)
      void send(takeBatch(settings.batchRowsMax));
    isOverdue = queue.ready > 0;
    if (queue.size > settings.queueRowsMax) spillQueue();
    if (queue.size > 0 && !isOverdue) schedule();
  };

  const flush = (): void => {
    queue.release(Number.POSITIVE_INFINITY);
    pump();
  };

  const takeBatch = (rowsMax: number): Batch => {
    const batch = queue.take(rowsMax);
    sending = [...sending, batch];
    lastBatchAtMs = performance.now();
    return batch;
  };

  const putBack = (batch: Batch): void => {
    // After the stop everything that was on its way is on disk already.
    if (!isStopping) queue.putBack(batch);
  };

  const send = async (batch: Batch): Promise<void> => {
    try {
      await appender.append(batch.records);
      onDurable(batch.records);
      isSpillFailing = false;
    } catch (error) {
      putBack(batch);
      beginAway(error);
    } finally {
      sending = sending.filter((other) => other !== batch);
    }
    // Not at once whatever is there: rows that have not waited yet make the next batch larger.
    if (!isStopping && (isOverdue || queue.ready >= settings.flushRows || awaySince !== undefined)) pump();
  };

  const beginAway = (err: unknown): void => {
    metrics.appendFailures.inc();
    if (awaySince !== undefined) return;
    awaySince = performance.now();
    log.warn({ err }, 'ledger is away');
    void probeUntilBack();
  };

  const spillIfDue = (): void => {
    if (queue.size === 0 || awaySince === undefined) return;
    const isDue =
      performance.now() - awaySince >= settings.spillAfterMs || queue.size > settings.queueRowsMax;
    if (isDue) spillQueue();
    if (queue.size > 0) schedule();
  };

  const spillQueue = (): void => {
    const waiting = queue.takeAll();
    const unsure = isStopping ? sending.flatMap((batch) => batch.records) : [];
    const records = [...waiting.records, ...unsure];
    if (records.length === 0) return;
    try {
      spill.append(records);
    } catch (err) {
      // The disk refuses as well: memory is all that is left, and the proxy stops accepting.
      if (!isSpillFailing) log.error({ err }, 'spill cannot be written');
      isSpillFailing = true;
      queue.putBack(waiting);
      return;
    }
    isSpillFailing = false;
    metrics.rows.inc({ outcome: 'spilled' }, records.length);
    onDurable(records);
    if (awaySince === undefined) void replay();
  };

  const probeUntilBack = async (): Promise<void> => {
    let waitMs = BACKOFF_MIN_MS;
    while (awaySince !== undefined && !isStopping) {
      await delay(waitMs * (0.75 + Math.random() / 2), undefined, { ref: false });
      waitMs = Math.min(waitMs * 2, BACKOFF_MAX_MS);
      if (await probe()) break;
      spillIfDue();
    }
    if (isStopping) return;
    pump();
    void replay();
  };

  /** One small batch of the queue, or an empty one; true when Postgres took it. */
  const probe = async (): Promise<boolean> => {
    const batch = takeBatch(settings.flushRows);
    try {
      // An empty one is a question, too.
      await appender.append(batch.records);
      onDurable(batch.records);
      log.info({ awayMs: Math.round(performance.now() - (awaySince ?? 0)) }, 'ledger is back');
      awaySince = undefined;
      isSpillFailing = false;
      return true;
    } catch {
      putBack(batch);
      metrics.appendFailures.inc();
      return false;
    } finally {
      sending = sending.filter((other) => other !== batch);
    }
  };

  const replay = async (): Promise<void> => {
    if (isReplaying || isStopping) return;
    isReplaying = true;
    try {
      // The bytes are asked at once, so a file that appears after the last one was looked for is not overlooked.
      while (awaySince === undefined && !isStopping && spill.bytes() > 0) await replayFile();
    } catch (error) {
      beginAway(error);
    } finally {
      isReplaying = false;
    }
  };

  const replayFile = async (): Promise<void> => {
    const file = await spill.oldest();
    if (!file) return;
    for (let from = 0; from < file.records.length; from += settings.flushRows) {
      if (isStopping) return;
      const chunk = file.records.slice(from, from + settings.flushRows);
      await appender.append(chunk);
      metrics.rows.inc({ outcome: 'replayed' }, chunk.length);
    }
    await deadLetters.append(file.damaged.map((text) => ({ text, reason: 'damaged line of the spill' })));
    metrics.damagedLines.inc(file.damaged.length);
    if (file.isTorn) log.warn({}, 'spill ended in an interrupted line');
    await file.done();
  };

  /** The number of the oldest record that is neither in Postgres nor on disk. */
  const oldestUnwritten = (): number => Math.min(queue.oldest(), ...sending.map((batch) => batch.oldest));
  const isIdle = (): boolean => queue.size === 0 && sending.length === 0;

  void replay();
  return {
    enqueue(record) {
      queue.add(record, performance.now());
      if (isStopping) spillQueue();
      else if (queue.ready >= settings.flushRows) pump();
      else schedule();
    },
    flush,
    async settled(signal) {
      const upto = queue.added;
      flush();
      while (oldestUnwritten() < upto || spill.bytes() > 0)
        await delay(SETTLED_POLL_MS, undefined, { signal });
    },
    isAccepting: () => !isSpillFailing && !spill.isFull(),
    queuedRows: () => sending.reduce((rows, batch) => rows + batch.records.length, queue.size),
    async stop(signal) {
      while (!isIdle() && !signal.aborted && awaySince === undefined) {
        flush();
        await delay(SETTLED_POLL_MS);
      }
      isStopping = true;
      clearTimeout(timer);
      // Statements that are still on their way may fail, so their rows go to disk, too; twice does no harm.
      spillQueue();
      spill.close();
    },
  };
}
