import type { Uuid } from '@weir/kernel/ids';
import { RenewedMap } from '@weir/kernel/renewed-map';
import type { Settlement } from '../contract.ts';
import type { Admission, Turn } from './turn-call.ts';

/**
 * Gathers what one turn of the event loop asks of the store, so that it becomes one call per organization: most of what
 * a settlement or an admission costs is reading and writing what they share. Settlements without an admission wait while
 * an earlier call of their organization is unanswered, which is until the next turn under load, and go with what comes
 * meanwhile; nobody is called for them alone then. Conclusions hurry nobody and wait for a call to go with.
 */
export interface Turns<Answer> {
  settle(settlement: Settlement): Promise<Answer>;
  /** @returns The answer of the call that the admission becomes part of, and its place in it. */
  admit(admission: Admission): { readonly answer: Promise<Answer>; readonly index: number };
  conclude(organizationId: Uuid, attemptIds: readonly Uuid[]): Promise<unknown>;
  /** Sends what waits, at once. */
  flush(): void;
}

export interface TurnsOptions<Answer> {
  readonly send: (organizationId: Uuid, turn: Turn) => Promise<Answer>;
  /** For how long a conclusion waits for company; 50 by default. */
  readonly concludeWithinMs?: number;
}

interface OpenTurn<Answer> extends Turn {
  readonly settlements: Settlement[];
  readonly admissions: Admission[];
  readonly promise: Promise<Answer>;
  readonly resolve: (answer: Promise<Answer>) => void;
}

interface Concluding<Answer> {
  readonly ids: Uuid[];
  readonly promise: Promise<Answer>;
  readonly resolve: (answer: Promise<Answer>) => void;
}

/** Functions hold everybody up while they run. */
const SETTLED_AT_ONCE = 50;
const ADMITTED_AT_ONCE = 32;
const CONCLUDED_AT_ONCE = 200;
const CONCLUDE_WITHIN_MS = 50;
const NOTHING: Turn = { settlements: [], admissions: [], concluded: [] };

export function createTurns<Answer>({
  send,
  concludeWithinMs = CONCLUDE_WITHIN_MS,
}: TurnsOptions<Answer>): Turns<Answer> {
  const turns = new RenewedMap<Uuid, OpenTurn<Answer>>();
  const concluding = new RenewedMap<Uuid, Concluding<Answer>>();
  /** Calls without an answer yet. */
  const unanswered = new Map<Uuid, number>();
  let isFlushing = false;
  let timer: NodeJS.Timeout | undefined;

  const flushSoon = (): void => {
    if (isFlushing) return;
    isFlushing = true;
    setImmediate(flushTurns);
  };

  const answered = (organizationId: Uuid): void => {
    const left = (unanswered.get(organizationId) ?? 1) - 1;
    if (left > 0) unanswered.set(organizationId, left);
    else unanswered.delete(organizationId);
    if (turns.has(organizationId)) flushSoon();
  };

  const sendTurn = (organizationId: Uuid): void => {
    const turn = turns.get(organizationId);
    const conclusions = concluding.get(organizationId);
    turns.delete(organizationId);
    concluding.delete(organizationId);
    const answer = send(organizationId, { ...(turn ?? NOTHING), concluded: conclusions?.ids ?? [] });
    unanswered.set(organizationId, (unanswered.get(organizationId) ?? 0) + 1);
    const end = (): void => {
      answered(organizationId);
    };
    answer.then(end, end);
    turn?.resolve(answer);
    conclusions?.resolve(answer);
  };

  const flushTurns = (): void => {
    isFlushing = false;
    for (const [organizationId, { admissions }] of turns) {
      if (admissions.length > 0 || !unanswered.has(organizationId)) sendTurn(organizationId);
    }
  };

  const flushConclusions = (): void => {
    clearTimeout(timer);
    timer = undefined;
    for (const [organizationId] of concluding) sendTurn(organizationId);
  };

  const turnOf = (organizationId: Uuid): OpenTurn<Answer> => {
    flushSoon();
    let turn = turns.get(organizationId);
    if (turn === undefined) {
      turn = { settlements: [], admissions: [], concluded: [], ...Promise.withResolvers<Answer>() };
      turns.set(organizationId, turn);
    }
    return turn;
  };

  return {
    settle(settlement) {
      const { organizationId } = settlement;
      const turn = turnOf(organizationId);
      if (turn.settlements.push(settlement) >= SETTLED_AT_ONCE) sendTurn(organizationId);
      return turn.promise;
    },
    admit(admission) {
      const { organizationId, day } = admission.request;
      let turn = turnOf(organizationId);
      const other = turn.admissions[0]?.request.day;
      if (other !== undefined && (other.startMs !== day.startMs || other.endMs !== day.endMs)) {
        sendTurn(organizationId);
        turn = turnOf(organizationId);
      }
      const index = turn.admissions.push(admission) - 1;
      if (index + 1 >= ADMITTED_AT_ONCE) sendTurn(organizationId);
      return { answer: turn.promise, index };
    },
    conclude(organizationId, attemptIds) {
      let conclusions = concluding.get(organizationId);
      if (conclusions === undefined) {
        conclusions = { ids: [], ...Promise.withResolvers<Answer>() };
        concluding.set(organizationId, conclusions);
      }
      conclusions.ids.push(...attemptIds);
      timer ??= setTimeout(flushConclusions, concludeWithinMs).unref();
      if (conclusions.ids.length >= CONCLUDED_AT_ONCE) sendTurn(organizationId);
      return conclusions.promise;
    },
    flush() {
      for (const [organizationId] of turns) sendTurn(organizationId);
      flushConclusions();
    },
  };
}
