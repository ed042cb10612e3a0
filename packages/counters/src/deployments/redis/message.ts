import type { SleepReason } from '../contract.ts';
import type { Entry } from '../entry.ts';

/** A state as the functions tell it, with times of this process. */
export interface Told {
  readonly deployment: string;
  readonly entry: Entry;
}

const REASONS: ReadonlySet<string> = new Set<SleepReason>([
  'throttled',
  'quota',
  'broken',
  'timeout',
  'unreachable',
  'forbidden',
]);

/** Undefined where it is no state of ours: another version of the proxy may share the server. */
export function readState(text: string, nowMs: number): Entry | undefined {
  const [version, since, phase, reason = '', failures, leftMs, probeLeftMs, forgetMs, ...probe] =
    text.split('|');
  if ((phase !== 'asleep' && phase !== 'recovered') || !isReason(reason)) return undefined;
  const numbers = [version, since, failures, leftMs, probeLeftMs, forgetMs].map(Number);
  if (!numbers.every(Number.isSafeInteger)) return undefined;
  const [versionNumber = 0, sinceNumber = 0, failureCount = 0, left = 0, probeLeft = 0, forget = 0] = numbers;
  const name = probe.join('|');
  return {
    version: versionNumber,
    since: sinceNumber,
    phase,
    reason,
    failures: failureCount,
    untilMs: nowMs + left,
    probe: name === '' ? null : name,
    probeUntilMs: nowMs + probeLeft,
    forgetAtMs: nowMs + forget,
  };
}

/** A message of the channel: the state, and on the next line the deployment. */
export function readMessage(message: string, nowMs: number): Told | undefined {
  const end = message.indexOf('\n');
  const entry = end < 0 ? undefined : readState(message.slice(0, end), nowMs);
  return entry && { deployment: message.slice(end + 1), entry };
}

function isReason(text: string): text is SleepReason {
  return REASONS.has(text);
}
