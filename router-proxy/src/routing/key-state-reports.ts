import type { Deployments } from '@weir/counters/deployments/contract';
import type { Logger } from '@weir/service/logger';
import { deploymentParts } from './deployment-name.ts';
import type { KeyStateRow, ProviderKeyStore } from './provider-key-store.ts';

/** Writes what this proxy finds out about deployments where people can see it, behind and beside the requests. */
export interface KeyStateReports {
  changed(deployment: string): void;
  /** Writes what is left, once. */
  stop(): Promise<void>;
}

export interface KeyStateReportsOptions {
  readonly store: ProviderKeyStore;
  readonly stateOf: Deployments['stateOf'];
  readonly log: Logger;
  readonly intervalMs?: number;
}

const INTERVAL_MS = 1_000;
/** Deployments that wait to be written; beyond it the newest is not, until it changes again. */
const WAITING_MAX = 10_000;
const ROWS_MAX = 500;

/**
 * At most one statement per interval, with the state that each changed deployment has by then. While Postgres is away
 * the changed ones wait; how they got there is nobody's interest.
 */
export function createKeyStateReports(options: KeyStateReportsOptions): KeyStateReports {
  const { store, stateOf, log, intervalMs = INTERVAL_MS } = options;
  const waiting = new Set<string>();
  let timer: NodeJS.Timeout | undefined;

  function schedule(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      void write();
    }, intervalMs).unref();
  }

  async function write(): Promise<void> {
    const batch = [...waiting].slice(0, ROWS_MAX);
    for (const deployment of batch) waiting.delete(deployment);
    try {
      await store.report(batch.flatMap((deployment) => rowOf(deployment, stateOf(deployment)) ?? []));
    } catch (err) {
      log.warn({ err, deployments: batch.length }, 'states of provider keys could not be written');
      for (const deployment of batch) waiting.add(deployment);
    }
    if (waiting.size > 0) schedule();
  }

  return {
    changed(deployment) {
      if (waiting.size >= WAITING_MAX) return;
      waiting.add(deployment);
      schedule();
    },
    async stop() {
      clearTimeout(timer);
      if (waiting.size > 0) await write();
      clearTimeout(timer);
    },
  };
}

function rowOf(deployment: string, state: ReturnType<Deployments['stateOf']>): KeyStateRow | undefined {
  const parts = deploymentParts(deployment);
  if (!parts) return undefined;
  const { keyId, secretVersion, model } = parts;
  const base = { providerKeyId: keyId, secretVersion, model };
  switch (state.kind) {
    case 'awake':
      return { ...base, state: 'AWAKE', untilMs: null, reason: null, failures: 0 };
    case 'sleeping': {
      const { untilMs, reason, failures } = state;
      return { ...base, state: 'SLEEPING', untilMs, reason, failures };
    }
    case 'half-open':
      return { ...base, state: 'PROBING', untilMs: null, reason: state.reason, failures: state.failures };
    case 'probing': {
      const { untilMs, reason, failures } = state;
      return { ...base, state: 'PROBING', untilMs, reason, failures };
    }
  }
}
