import { Counter, Gauge, type Registry } from 'prom-client';
import type { DeploymentState } from '@weir/counters/deployments/contract';

/** What operators are told of provider keys; few labels, never ids. */
export interface RoutingMetrics {
  slept(state: DeploymentState): void;
  disabled(provider: string): void;
}

export function createRoutingMetrics(registry: Registry, troubled: () => number): RoutingMetrics {
  const registers = [registry];
  const sleeps = new Counter({
    name: 'weir_proxy_deployment_sleeps_total',
    help: 'Times that this proxy put a provider key to sleep for one model, by reason.',
    labelNames: ['reason'],
    registers,
  });
  const disabled = new Counter({
    name: 'weir_proxy_provider_keys_disabled_total',
    help: 'Provider keys that were disabled because their provider refused them.',
    labelNames: ['provider'],
    registers,
  });
  new Gauge({
    name: 'weir_proxy_deployments_resting',
    help: 'Provider keys that sleep or are being tested, per model, as this proxy knows.',
    registers,
    collect() {
      this.set(troubled());
    },
  });
  return {
    slept(state) {
      if (state.kind === 'sleeping') sleeps.labels(state.reason).inc();
    },
    disabled(provider) {
      disabled.labels(provider).inc();
    },
  };
}
