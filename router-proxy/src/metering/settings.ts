/** Bounds and rhythms of metering. Every value has a default that suits production; tests shorten them. */
export interface MeteringSettings {
  /** A batch leaves when this many rows are ready, or when it is time. */
  readonly flushRows: number;
  /** After a pause it is time when the first row has waited this long. */
  readonly flushMs: number;
  /** Under continuous load it is time this long after the batch before, since a batch costs Postgres as much as twenty rows. */
  readonly paceMs: number;
  /** How long an intent waits for its close, to be written as one row. */
  readonly intentMs: number;
  /** The most rows of one statement. */
  readonly batchRowsMax: number;
  /** Statements on their way at the same time; the pool must have at least this many connections and some more. */
  readonly inFlightMax: number;
  /** Rows kept in memory; beyond it the oldest go to the spill. */
  readonly queueRowsMax: number;
  /** How long Postgres may be away before what waits in memory goes to disk. */
  readonly spillAfterMs: number;
  /** From this size of the spill on, no new request is accepted. */
  readonly spillBytesMax: number;
  readonly spillFileBytes: number;
  readonly journalSegmentBytes: number;
  readonly journalSegmentMs: number;
  /** How often organizations with live attempts are asked for their epoch. */
  readonly epochPollMs: number;
  readonly sweepMs: number;
  /** How long after its lease ran out an attempt is closed for its proxy. */
  readonly sweepGraceMs: number;
  /** The lease that proxies take; the sweeper waits twice as long before it doubts an open intent. */
  readonly leaseMs: number;
  /** Refuse requests without holdings, too, while the counter store is away. */
  readonly failClosed: boolean;
  /** How long one request may wait for counters to be seeded. */
  readonly seedTimeoutMs: number;
  /** How long the counter store is left alone after a failure. */
  readonly storeRetryMs: number;
  /** Deadline of one statement. */
  readonly queryTimeoutMs: number;
}

export const METERING_DEFAULTS: MeteringSettings = {
  flushRows: 500,
  flushMs: 25,
  paceMs: 100,
  intentMs: 100,
  batchRowsMax: 1_000,
  inFlightMax: 3,
  queueRowsMax: 20_000,
  spillAfterMs: 1_000,
  spillBytesMax: 256 * 1024 * 1024,
  spillFileBytes: 8 * 1024 * 1024,
  journalSegmentBytes: 8 * 1024 * 1024,
  journalSegmentMs: 60_000,
  epochPollMs: 250,
  sweepMs: 3_000,
  sweepGraceMs: 10_000,
  leaseMs: 60_000,
  failClosed: false,
  seedTimeoutMs: 10_000,
  storeRetryMs: 500,
  queryTimeoutMs: 10_000,
};
