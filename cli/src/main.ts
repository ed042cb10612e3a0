#!/usr/bin/env node
import { CommanderError } from 'commander';
import { ConfigError } from '@weir/service/config';
import { CliError, EXIT, type ExitCode } from './cli-error.ts';
import { createProgram } from './program.ts';

function exitCodeOf(thrown: unknown): ExitCode {
  if (thrown instanceof CliError) return thrown.exitCode;
  if (thrown instanceof ConfigError) return EXIT.usage;
  // Help and version end like this, too; commander has printed what there is to say.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
  return EXIT.error;
}

try {
  await createProgram().parseAsync(process.argv);
} catch (thrown) {
  if (!(thrown instanceof CommanderError)) {
    process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  }
  process.exitCode = exitCodeOf(thrown);
}
