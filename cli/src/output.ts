import { stringify } from 'csv-stringify/sync';

export const FORMATS = ['table', 'json', 'csv'] as const;

export type Format = (typeof FORMATS)[number];

export type Cell = string | number | boolean | null;

/** One thing, by the names of its columns; the first column identifies it. */
export type Row = Readonly<Record<string, Cell>>;

export interface OutputOptions {
  readonly format: Format;
  /** Of each thing its first column alone, and no notes. */
  readonly quiet: boolean;
  readonly verbose: boolean;
}

/** Data goes to standard output, everything that is said about it to standard error. */
export interface Output {
  rows(rows: readonly Row[], columns: readonly string[]): void;
  /** For people; not with --quiet. */
  note(text: string): void;
  /** Only with --verbose. */
  detail(text: string): void;
}

interface Streams {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

const CONTROL_CHARACTERS = /\p{Cc}+/gu;

/** What somebody else wrote must not steer the terminal. */
const shown = (cell: Cell | undefined): string =>
  cell === null || cell === undefined ? '' : String(cell).replace(CONTROL_CHARACTERS, ' ');

function tableOf(rows: readonly Row[], columns: readonly string[]): string {
  const lines = [
    columns.map((column) => column.toUpperCase()),
    ...rows.map((row) => columns.map((column) => shown(row[column]))),
  ];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

function csvOf(rows: readonly Row[], columns: readonly string[]): string {
  const lines = rows.map((row) => columns.map((column) => row[column] ?? ''));
  return stringify([[...columns], ...lines], { escape_formulas: true, cast: { boolean: String } });
}

function jsonOf(rows: readonly Row[], columns: readonly string[]): string {
  const picked = rows.map((row) =>
    Object.fromEntries(columns.map((column) => [column, row[column] ?? null])),
  );
  return `${JSON.stringify(picked, null, 2)}\n`;
}

const TEXT_OF = { table: tableOf, csv: csvOf, json: jsonOf } as const satisfies Record<
  Format,
  (rows: readonly Row[], columns: readonly string[]) => string
>;

export function createOutput({ format, quiet, verbose }: OutputOptions, streams: Streams = process): Output {
  return {
    rows(rows, columns) {
      const [first = ''] = columns;
      const text = quiet
        ? rows.map((row) => `${shown(row[first])}\n`).join('')
        : TEXT_OF[format](rows, columns);
      streams.stdout.write(text);
    },
    note(text) {
      if (!quiet) streams.stderr.write(`${text}\n`);
    },
    detail(text) {
      if (verbose) streams.stderr.write(`${text}\n`);
    },
  };
}
