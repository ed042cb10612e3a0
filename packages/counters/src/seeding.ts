/**
 * How balances stay exact although the store may be flushed at any moment.
 *
 * Postgres knows an attempt by its intent and, later, its close; both are written in batches, so either may be a
 * little late. A seed is one snapshot S of Postgres: `committed` (all closes), `open` (intents without a close) and
 * `closed` (recent closes). The store knows, per counter and attempt, one of: held, counted, nothing. A counter that is
 * not seeded in the present epoch is never admitted against; its holds are kept all the same.
 *
 * - Re-asserted, then seeded. The attempt is held when S arrives. In `open`: the hold stays. In `closed`: its close is
 *   within `committed`, so the hold goes, and the settlement still to come finds no hold and adds nothing. In neither:
 *   S was taken before its intent, so the hold stays and the settlement will add.
 * - Settled before the seed. The settlement takes the hold away, but an unseeded counter has no sum to add to, so the
 *   amount is noted (`unplaced`). When S arrives: in `open`, S has not seen the close, the amount is added; in `closed`,
 *   it is within `committed` and dropped; in neither, S had not even seen the intent, and it is added. Without `closed`
 *   the last case cannot be told from the one before it and is taken for counted.
 * - Settled before the store knew the attempt again (flushed, and not re-asserted yet). Nothing is counted; the amounts
 *   stay with the attempt's id. When S names the attempt as open, they are added instead of a hold that nobody would
 *   ever release. When the proxy re-asserts after all, because its close is not in Postgres yet, they are treated like
 *   those of the case before.
 * - Seeded, then re-asserted. In `open`: a hold exists already, re-assertion adds only what the seed could not know
 *   (leases, windows, other balances). In `closed`: remembered for some minutes, so nothing is held again. In neither:
 *   the hold is added now.
 * - Seeded from two proxies at once. The first that arrives wins; the second finds a seeded counter and does nothing.
 *   Whatever happened between the two snapshots went through the store and is in its sums.
 * - Seeded from before a second flush. The epoch differs, so the seed is ignored.
 * - Flushed between admission and settlement. One of the cases above, by whether the proxy re-asserts in time; holdings
 *   open for seeding only `seedQuarantineMs` after the epoch did, so that in practice it always does.
 * - A new period or a new budget is another counter, seeded inside a running epoch: attempts in flight that S calls
 *   open are held on it too, and those that S has not seen belong to no period or budget that existed at their start.
 *
 * An attempt held by a seed whose proxy has forgotten it is found by its lease: the sweeper closes it in Postgres,
 * or finds its close there, and settles it here.
 *
 * Windows are rebuilt from the same ledger but are not money: tokens of attempts that end between a flush and the
 * seed of their window may be missing from it.
 */

/** Older notes of settled attempts are within every snapshot: closes reach Postgres far sooner. */
export const UNPLACED_MS = 120_000;

/** How long a seed's closed attempts are remembered against late re-assertions; longer than any lease lives on. */
export const CLOSED_MEMORY_MS = 300_000;
