import type { LauncherConfig } from './config.ts';
import { claimPort } from './ports.ts';

const SETTINGS = [
  'PROXY_PORT',
  'PROXY_ADMIN_PORT',
  'GATEWAY_PORT',
  'GATEWAY_ADMIN_PORT',
  'IDENTITY_PORT',
  'IDENTITY_ADMIN_PORT',
  'BILLING_PORT',
  'BILLING_ADMIN_PORT',
  'ANALYTICS_PORT',
  'ANALYTICS_ADMIN_PORT',
] as const;

export type ServicePorts = Readonly<Record<(typeof SETTINGS)[number], number>>;

/**
 * Fixes every port before anything starts, so that a service that is started again finds its own. Free ones are looked
 * for when those that were asked for are known.
 */
export async function claimServicePorts(config: LauncherConfig): Promise<ServicePorts> {
  const entries: [string, number][] = [];
  for (const setting of SETTINGS.toSorted((a, b) => Number(config[a] === 0) - Number(config[b] === 0))) {
    const host = setting.endsWith('_ADMIN_PORT') ? config.ADMIN_HOST : config.HOST;
    entries.push([setting, await claimPort(host, config[setting], setting)]);
  }
  return Object.fromEntries(entries) as ServicePorts;
}
