import type { Pool } from 'pg';
import type { Registry } from 'prom-client';
import type { Deployments } from '@weir/counters/deployments/contract';
import type { Logger } from '@weir/service/logger';
import { createKeyStateReports } from './key-state-reports.ts';
import { createRoutingMetrics } from './metrics.ts';
import { createProviderKeyStore } from './provider-key-store.ts';
import { createRefusedKeys, type RefusedKeys } from './refused-keys.ts';

/** What is held against provider keys at present, and who is told of it. */
export interface ProviderHealth {
  readonly deployments: Deployments;
  readonly refusedKeys: RefusedKeys;
  stop(): Promise<void>;
}

export interface ProviderHealthOptions {
  readonly openDeployments: (onChange: (deployment: string) => void) => Deployments;
  /** Connects as `weir_proxy`. */
  readonly pool: Pool;
  readonly registry: Registry;
  readonly log: Logger;
}

export function createProviderHealth(options: ProviderHealthOptions): ProviderHealth {
  const { openDeployments, pool, registry, log } = options;
  const store = createProviderKeyStore(pool);
  const metrics = createRoutingMetrics(registry, () => [...deployments.states()].length);
  const deployments = openDeployments((deployment) => {
    metrics.slept(deployments.stateOf(deployment));
    reports.changed(deployment);
  });
  const reports = createKeyStateReports({ store, stateOf: deployments.stateOf, log });
  const refusedKeys = createRefusedKeys({ store, log, onDisabled: metrics.disabled });
  return {
    deployments,
    refusedKeys,
    async stop() {
      refusedKeys.stop();
      await reports.stop();
      await deployments.close();
    },
  };
}
