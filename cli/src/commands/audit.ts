import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { CliError, usageError } from '../cli-error.ts';
import { contextOf, type CommandContext } from '../command-context.ts';
import { verifyLines } from '../exported-event.ts';
import { writePrivateFile } from '../private-file.ts';

interface Trail {
  readonly org?: string;
  readonly platform: boolean;
}

const ofTrail = (command: Command): Command =>
  command
    .option('--org <id>', 'the organization whose trail it is')
    .option('--platform', 'the platform’s own trail', false);

/** Absent in the input stands for the platform. */
async function trailInput({ organizationId }: CommandContext, { org, platform }: Trail): Promise<object> {
  if (platform && org !== undefined) throw usageError('Give --org or --platform, not both.');
  return platform ? {} : { organizationId: await organizationId(org) };
}

interface Verification {
  readonly isIntact: boolean;
  readonly checkedEvents: string;
  readonly firstSequence: string;
  readonly head: { readonly sequence: string; readonly hash: string } | null;
  readonly problem: { readonly message: string } | null;
}

function anchorOf(text: string): { readonly sequence: string; readonly hash: string } {
  const match = /^(\d+):([0-9a-f]{64})$/i.exec(text);
  if (!match?.[1] || !match[2])
    throw usageError('An anchor is <sequence>:<hash>, as an earlier verification printed it.');
  return { sequence: match[1], hash: match[2] };
}

async function verifyFile(file: string, { output }: CommandContext): Promise<void> {
  const input = createReadStream(file);
  try {
    const { events, problem } = await verifyLines(createInterface({ input, crlfDelay: Infinity }));
    output.rows(
      [
        {
          isIntact: problem === undefined,
          events,
          problem: problem ? `event ${problem.sequence} ${problem.reason}` : null,
        },
      ],
      ['isIntact', 'events', 'problem'],
    );
    if (problem) throw new CliError(`Event ${problem.sequence} ${problem.reason}.`);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT')
      throw usageError(`There is no file ${file}.`);
    throw thrown;
  }
}

interface ExportOptions extends Trail {
  readonly from: string;
  readonly to: string;
  readonly as: string;
  readonly output: string;
  readonly action?: readonly string[];
}

function instantOf(text: string): string {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) throw usageError(`${text} is no date. Example: 2026-03-01T12:00:00Z`);
  return at.toISOString();
}

interface Exported {
  readonly url: string;
  readonly sha256: string;
  readonly events: number;
  readonly bytes: string;
}

export function addAuditCommands(program: Command): void {
  const group = program.command('audit').description('audit trails');

  ofTrail(group.command('verify'))
    .description('checks that every event is there and unchanged; exit code 1 when not')
    .option(
      '--anchor <sequence:hash>',
      'a place that an earlier verification printed; can be repeated',
      (value: string, all: readonly string[] | undefined) => [...(all ?? []), value],
    )
    .option('--file <path>', 'an export in NDJSON instead, without asking anybody')
    .action(async (options: Trail & { anchor?: readonly string[]; file?: string }, command: Command) => {
      const context = contextOf(command);
      if (options.file !== undefined) return verifyFile(options.file, context);
      const anchors = (options.anchor ?? []).map(anchorOf);
      const { verification } = await context.api.change<{ verification: Verification }>(
        `mutation ($input: AuditVerifyInput!) { auditVerify(input: $input) {
           verification { isIntact checkedEvents firstSequence head { sequence hash } problem { message } }
           userErrors { message field } } }`,
        'auditVerify',
        { ...(await trailInput(context, options)), ...(anchors.length > 0 && { anchors }) },
      );
      const { isIntact, checkedEvents, firstSequence, head, problem } = verification;
      context.output.rows(
        [
          {
            isIntact,
            checkedEvents,
            firstSequence,
            anchor: head && `${head.sequence}:${head.hash}`,
            problem: problem?.message ?? null,
          },
        ],
        ['isIntact', 'checkedEvents', 'firstSequence', 'anchor', 'problem'],
      );
      if (problem) throw new CliError(problem.message);
      context.output.note(
        'Keep the anchor outside of the database: a later verification with it finds a trail that was written anew.',
      );
    });

  ofTrail(group.command('export'))
    .description('a file of the events of a range of time, readable by its owner alone')
    .requiredOption('--from <instant>', 'the first instant')
    .requiredOption('--to <instant>', 'the instant at which it is over')
    .requiredOption('--output <path>', 'the new file')
    .option('--as <kind>', 'ndjson or csv', 'ndjson')
    .option(
      '--action <name>',
      'only this action, for example apikey.*; can be repeated',
      (value: string, all: readonly string[] | undefined) => [...(all ?? []), value],
    )
    .action(async (options: ExportOptions, command: Command) => {
      const context = contextOf(command);
      const format = options.as.toUpperCase();
      if (format !== 'NDJSON' && format !== 'CSV') throw usageError('--as is ndjson or csv.');
      const range = { start: instantOf(options.from), end: instantOf(options.to) };
      const { export: exported } = await context.api.change<{ export: Exported }>(
        `mutation ($input: AuditExportInput!) { auditExport(input: $input) {
           export { url sha256 events bytes } userErrors { message field } } }`,
        'auditExport',
        {
          ...(await trailInput(context, options)),
          format,
          filter: { range, ...(options.action && { actions: options.action }) },
        },
      );
      const content = await context.api.download(exported.url);
      if (createHash('sha256').update(content).digest('hex') !== exported.sha256) {
        throw new CliError('What arrived is not what was exported: the checksums differ. Try again.');
      }
      await writePrivateFile(options.output, content);
      context.output.rows(
        [{ file: options.output, events: exported.events, bytes: exported.bytes, sha256: exported.sha256 }],
        ['file', 'events', 'bytes', 'sha256'],
      );
    });
}
