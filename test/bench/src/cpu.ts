/**
 * `npm run bench -- cpu`: the CPU that a request costs in every process that takes part in it. On a machine that
 * everything shares, throughput follows the sum. Other work slows all processes alike, so each is told beside the load
 * generator's own share as well.
 */
import { load } from './load.ts';
import { cpuUs } from './process-cpu.ts';
import { printTable } from './table.ts';
import type { Target } from './target.ts';
import type { Provider } from './targets.ts';

export interface CpuOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly stream: boolean;
  /** So many requests first, because a process that has just started costs several times as much. */
  readonly warmUpRequests: number;
}

const GENERATOR = 'load generator';

interface Sum {
  requests: number;
  seconds: number;
  readonly usByRole: Map<string, number>;
}

async function cpuByRole(target: Target, provider: Provider): Promise<Map<string, number>> {
  const roles = [
    [GENERATOR, [process.pid]],
    ['provider', [provider.pid]],
    ...(await target.roles()),
  ] as const;
  return new Map(roles.map(([role, pids]) => [role, pids.reduce((sum, pid) => sum + cpuUs(pid), 0)]));
}

async function addRound(sum: Sum, target: Target, provider: Provider, options: CpuOptions): Promise<void> {
  const before = await cpuByRole(target, provider);
  const { requests, seconds } = await load(target, options);
  for (const [role, us] of await cpuByRole(target, provider)) {
    // What ended or began within the round is left out.
    const used = Math.max(0, us - (before.get(role) ?? us));
    sum.usByRole.set(role, (sum.usByRole.get(role) ?? 0) + used);
  }
  sum.requests += requests;
  sum.seconds += seconds;
}

/** Prints one table per target. */
export async function printCpu(
  targets: readonly Target[],
  provider: Provider,
  options: CpuOptions,
): Promise<void> {
  for (const target of targets) {
    for (let sent = 0; sent < options.warmUpRequests;) sent += (await load(target, options)).requests;
  }
  const sums = targets.map((target) => ({
    target,
    requests: 0,
    seconds: 0,
    usByRole: new Map<string, number>(),
  }));
  for (let round = 0; round < options.rounds; round++) {
    for (const sum of sums) await addRound(sum, sum.target, provider, options);
  }
  for (const { target, requests, seconds, usByRole } of sums) {
    const generatorUs = usByRole.get(GENERATOR) ?? Number.NaN;
    const row = (role: string, us: number) => [
      role,
      (us / requests).toFixed(0),
      (us / generatorUs).toFixed(2),
    ];
    const total = [...usByRole.values()].reduce((sum, us) => sum + us, 0);
    printTable(
      `${target.name}: ${(requests / seconds).toFixed(0)} req/s${options.stream ? ', streamed' : ''}`,
      ['process', 'µs per request', '÷ generator'],
      [
        ...[...usByRole].filter(([, us]) => us / requests >= 0.5).map(([role, us]) => row(role, us)),
        row('sum', total),
      ],
    );
  }
}
