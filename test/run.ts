/**
 * `npm test`: every suite, cheapest first, each with its own progress and one summary line. All suites run even when
 * one fails, so that one run tells everything; the exit code is honest.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

const SUITES = ['unit', 'integration', 'e2e'] as const;

const reportSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numFailedTestSuites: z.number(),
});

interface Outcome {
  readonly suite: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
}

function runSuite(suite: string, folder: string): Outcome {
  const startedAt = performance.now();
  const reportFile = join(folder, `${suite}.json`);
  const { status } = spawnSync(
    process.execPath,
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--project',
      suite,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${reportFile}`,
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  try {
    const report = reportSchema.parse(JSON.parse(readFileSync(reportFile, 'utf8')));
    const brokenFiles =
      status !== 0 && report.numFailedTests === 0 ? Math.max(1, report.numFailedTestSuites) : 0;
    return {
      suite,
      passed: report.numPassedTests,
      failed: report.numFailedTests + brokenFiles,
      skipped: report.numPendingTests,
      seconds,
    };
  } catch {
    return { suite, passed: 0, failed: 1, skipped: 0, seconds };
  }
}

const folder = mkdtempSync(join(tmpdir(), 'weir-test-'));
const outcomes = SUITES.map((suite) => runSuite(suite, folder));
rmSync(folder, { recursive: true, force: true });

const lines = outcomes.map(
  ({ suite, passed, failed, skipped, seconds }) =>
    `${suite.padEnd(12)} ${passed} passed, ${failed} failed, ${skipped} skipped in ${seconds} s`,
);
const sum = (pick: (outcome: Outcome) => number) =>
  outcomes.reduce((total, outcome) => total + pick(outcome), 0);
const failed = sum((outcome) => outcome.failed);
process.stdout.write(
  `\n${lines.join('\n')}\n\n${sum((outcome) => outcome.passed)} passed, ${failed} failed, ${sum((outcome) => outcome.skipped)} skipped\n`,
);
process.exitCode = failed === 0 ? 0 : 1;
