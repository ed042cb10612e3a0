/**
 * `npm run chaos`: takes Redis, PostgreSQL and a proxy away under load, and prints what the ledger, the counters and
 * the provider's own book say afterwards. Ends with 1 when anything was lost, doubled or overspent.
 *
 * `--short` runs the size of the tests; `--only=<scenario>` one scenario.
 */
import { parseArgs } from 'node:util';
import { formatUsd } from '@weir/kernel/money';
import { FULL, runScenario, SHORT, type Report } from './run.ts';
import { SCENARIOS } from './scenarios.ts';
import { violations } from './verdict.ts';

const { values } = parseArgs({
  options: { short: { type: 'boolean', default: false }, only: { type: 'string' } },
});

function rowsOf({ tally, proof, aftermath }: Report): [string, string][] {
  const answers = [...tally.answers()].sort().map(([answer, count]) => `${answer} × ${count}`);
  return [
    ['requests of the clients', `${tally.requests}`],
    ['served / clients that left / connections broken', `${tally.served} / ${tally.left} / ${tally.broken}`],
    ['answers', answers.join(', ')],
    ['attempts in the ledger', `${proof.attempts}`],
    ['lost / double / open', `${proof.lost} / ${proof.double} / ${proof.open}`],
    ['closed provisionally / by estimate', `${proof.provisional} / ${proof.estimated}`],
    ['ledger − provider, where the provider reported', `${proof.exactDifferenceNano} nano-USD`],
    ["provider's bill, all attempts", `${formatUsd(proof.providerNano)} USD`],
    ['limit / spent', `${formatUsd(proof.limitNano)} / ${formatUsd(proof.spentNano)} USD`],
    ['over the limit', `${proof.overNano} nano-USD`],
    ['counters: spent / held', `${aftermath.spentUsd} / ${aftermath.heldUsd} USD`],
    ['last close after the load', `${proof.recoverySeconds.toFixed(1)} s`],
  ];
}

function print(report: Report, broken: readonly string[]): void {
  const rows = rowsOf(report);
  const width = Math.max(...rows.map(([what]) => what.length));
  const lines = rows.map(([what, value]) => `  ${what.padEnd(width)}  ${value}`);
  const verdict = broken.length === 0 ? ['  → holds'] : broken.map((sentence) => `  → BROKEN: ${sentence}`);
  process.stdout.write(`\n${report.scenario.name}\n${[...lines, ...verdict].join('\n')}\n`);
}

// Ctrl-C ends what was started, too: the stores go when this process exits in order, the services with their channel.
process.once('SIGINT', () => process.exit(130));

let hasFailed = false;
for (const [name, scenario] of Object.entries(SCENARIOS)) {
  if (values.only !== undefined && values.only !== name) continue;
  const report = await runScenario(scenario, values.short ? SHORT : FULL);
  const broken = violations(report);
  print(report, broken);
  hasFailed ||= broken.length > 0;
}
process.exitCode = hasFailed ? 1 : 0;
