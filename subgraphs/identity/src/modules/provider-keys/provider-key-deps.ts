import type { Clock } from '@weir/kernel/clock';
import type { Database } from '@weir/prisma/database';
import type { OutboundGuard } from '@weir/service/outbound-guard';
import type { MasterKey } from '@weir/service/vault';
import type { ProviderProbe } from './provider-probe.ts';

export interface ProviderKeyDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly masterKey: MasterKey;
  readonly guard: OutboundGuard;
  readonly probe: ProviderProbe;
}
