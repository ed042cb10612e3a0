import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Registry } from 'prom-client';
import type { AdmitRequest, CounterStore } from '@weir/counters/contract';
import { createLocalCounterStore } from '@weir/counters/local/store';
import type { Clock } from '@weir/kernel/clock';
import type { Uuid } from '@weir/kernel/ids';
import type { Logger } from '@weir/service/logger';
import type { AdmissionGate, Meter } from './contract.ts';
import { createDeadLetters } from './dead-letters.ts';
import { createGate, type Gate } from './gate.ts';
import { claimInstanceFolder } from './instance-folder.ts';
import { recoverJournal } from './journal-recovery.ts';
import { createJournal, listJournal } from './journal.ts';
import { createLeaseKeeper } from './lease-keeper.ts';
import { createLedgerAppender } from './ledger-appender.ts';
import { createLedgerClient, type LedgerClient } from './ledger-client.ts';
import { createLedgerWriter } from './ledger-writer.ts';
import { createLiveAttempts } from './live-attempts.ts';
import { createConfirmation, createMeter } from './meter.ts';
import { createMeteringMetrics, registerMeteringGauges, type MeteringMetrics } from './metrics.ts';
import { createProvisionalCloser } from './provisional.ts';
import { repeat, type Repetition } from './repeat.ts';
import { createSeeder } from './seeder.ts';
import { METERING_DEFAULTS, type MeteringSettings } from './settings.ts';
import { createSettler } from './settler.ts';
import { createSpill } from './spill.ts';
import { createDoubtfulSweep } from './sweep-doubtful.ts';
import { sweepLeases } from './sweep-leases.ts';
import { createSweeper } from './sweeper.ts';
import { unlessAborted } from './unless-aborted.ts';

export interface MeteringOptions {
  readonly store: CounterStore;
  /** As role weir_proxy; besides `inFlightMax` statements it lends one connection for good and a few at times. */
  readonly pool: Pool;
  readonly log: Logger;
  readonly clock: Clock;
  /** A local folder that outlives the process; spill and journal are kept below it. */
  readonly home: string;
  /** local: the store dies with this process, and the journal is all that proves its attempts then. */
  readonly mode: 'local' | 'redis';
  readonly settings?: Partial<MeteringSettings>;
  readonly registry: Registry;
}

export interface Metering {
  readonly gate: AdmissionGate;
  readonly meter: Meter;
  /** Begins the background work; resolves when what an earlier process left is in Postgres, or after some seconds. */
  start(): Promise<void>;
  /**
   * Writes what is queued at once. A change of policy may bring a budget, and what runs already counts for it: whichever
   * proxy seeds its counter has to find the intents of all in Postgres.
   */
  flush(): void;
  /** Writes what is queued until the signal and the rest to disk. Nothing may be begun after it. */
  stop(signal: AbortSignal): Promise<void>;
}

const RECOVERY_PATIENCE_MS = 5_000;

/** @throws When the home cannot be written. */
export function createMetering(options: MeteringOptions): Metering {
  const { store, pool, log, clock, mode, registry } = options;
  const settings = { ...METERING_DEFAULTS, ...options.settings };
  const metrics = createMeteringMetrics(registry);
  const { folder, spill, journal, leftSegments, deadLetters } = openStorage(options.home, clock, settings);
  const ledger = createLedgerClient(pool, settings.queryTimeoutMs);
  const appender = createLedgerAppender({ ledger, deadLetters, metrics, log });
  const closer = createProvisionalCloser({ ledger, appender, metrics });
  const live = createLiveAttempts();
  const settler = createSettler(store, metrics);
  const onDurable = createConfirmation(live, settler, journal);
  const writer = createLedgerWriter({ appender, spill, deadLetters, settings, metrics, log, onDurable });

  const stopping = new AbortController();
  let recovery: Promise<void> | undefined;
  // A shared store may have better evidence than the journal; the sweep ends the attempts by it.
  const end = (attemptIds: readonly Uuid[]): Promise<void> =>
    mode === 'redis' ? Promise.resolve() : closer.close([], attemptIds);
  const recover = (): Promise<void> =>
    (recovery ??= recoverJournal(
      { segments: leftSegments, isReplayed: writer.settled, append: appender.append, end, metrics, log },
      stopping.signal,
    ));
  const isRecorded = async (signal: AbortSignal): Promise<void> => {
    await unlessAborted(recover(), signal);
    await writer.settled(signal);
  };

  const spare = mode === 'redis' ? createLocalCounterStore({ clock }) : undefined;
  const gate = openGate({ store, spare, ledger, isRecorded, settings, clock, metrics });
  const { isFallbackAdmission } = gate;
  const isProvenByStore = (admission: AdmitRequest): boolean =>
    mode === 'redis' && !isFallbackAdmission(admission);
  const meter = createMeter({
    writer,
    settler,
    live,
    journal,
    isProvenByStore,
    fallback: spare,
    isFallbackAdmission,
    clock,
    metrics,
    log,
  });
  const keeper = createLeaseKeeper({ store, live, settler, writer, clock, metrics, log });
  const { leaseMs, sweepGraceMs: graceMs } = settings;
  const sweepDoubtful = createDoubtfulSweep({ store, ledger, closer, live, clock, leaseMs }).run;
  const sweepExpired = () => sweepLeases({ store, ledger, closer, graceMs, log });
  const sweeper = createSweeper({ pool, ledger, sweepExpired, sweepDoubtful, clock, metrics, log });
  registerMeteringGauges(registry, {
    queuedRows: writer.queuedRows,
    spillBytes: spill.bytes,
    spillAgeMs: spill.ageMs,
    liveAttempts: live.size,
    pendingSettlements: settler.pending,
    isAccepting: meter.isAccepting,
  });

  const repetitions: Repetition[] = [];
  return {
    gate,
    meter,
    async start() {
      repetitions.push(repeat(settings.epochPollMs, keeper.tick), repeat(settings.sweepMs, sweeper.tick));
      const recovered = recover().catch(() => undefined);
      await Promise.race([recovered, delay(RECOVERY_PATIENCE_MS, undefined, { ref: false })]);
    },
    flush: writer.flush,
    async stop(signal) {
      for (const repetition of repetitions) repetition.stop();
      await meter.drain(signal);
      stopping.abort();
      sweeper.stop();
      await writer.stop(signal);
      journal.close();
      await spare?.close();
      folder.release();
    },
  };
}

function openStorage(home: string, clock: Clock, settings: MeteringSettings) {
  const folder = claimInstanceFolder(home);
  const { spillBytesMax: bytesMax, spillFileBytes: fileBytes } = settings;
  const { journalSegmentBytes: segmentBytes, journalSegmentMs: segmentMs } = settings;
  return {
    folder,
    deadLetters: createDeadLetters(folder.deadLetters),
    spill: createSpill({ folder: folder.spill, clock, bytesMax, fileBytes }),
    // Before the journal writes its own.
    leftSegments: listJournal(folder.journal),
    journal: createJournal({ folder: folder.journal, clock, segmentBytes, segmentMs }),
  };
}

interface GateParts {
  readonly store: CounterStore;
  /** Stands in for a store that is away; undefined where the store cannot be. */
  readonly spare: CounterStore | undefined;
  readonly ledger: LedgerClient;
  readonly isRecorded: (signal: AbortSignal) => Promise<void>;
  readonly settings: MeteringSettings;
  readonly clock: Clock;
  readonly metrics: MeteringMetrics;
}

function openGate({ store, spare, ledger, isRecorded, settings, clock, metrics }: GateParts): Gate {
  const { failClosed, storeRetryMs, seedTimeoutMs: timeoutMs, leaseMs } = settings;
  const emptyWindowsWithoutLedger = !failClosed;
  const seederOf = (of: CounterStore) =>
    createSeeder({ store: of, ledger, isRecorded, emptyWindowsWithoutLedger, timeoutMs, leaseMs, metrics });
  const fallback = spare && { store: spare, seeder: seederOf(spare) };
  return createGate({ store, seeder: seederOf(store), fallback, clock, metrics, failClosed, storeRetryMs });
}
