import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { clusterConfigSchema, embeddedConfigSchema } from '@weir/embedded/config';
import { SERVICE_SCHEMAS, variablesOf } from '@weir/embedded/service-settings';

const schemas = {
  ...SERVICE_SCHEMAS,
  embedded: embeddedConfigSchema,
  cluster: clusterConfigSchema,
};

const example = readFileSync(join(import.meta.dirname, '../../.env.example'), 'utf8');
const documented = [...example.matchAll(/^#? ?([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name);

describe('.env.example', () => {
  it.each(Object.entries(schemas))(
    'names every variable that the %s configuration reads',
    (_name, schema) => {
      expect(variablesOf(schema).filter((variable) => !documented.includes(variable))).toEqual([]);
    },
  );

  it('names no variable that nothing reads, and none twice', () => {
    const read = new Set(Object.values(schemas).flatMap(variablesOf));
    expect(documented.filter((variable) => variable !== undefined && !read.has(variable))).toEqual([]);
    expect(documented.length).toBe(new Set(documented).size);
  });

  it('explains every variable in the line above it', () => {
    const lines = example.split('\n');
    const unexplained = lines.filter(
      (line, index) =>
        /^#? ?[A-Z][A-Z0-9_]*=/.test(line) &&
        !/^(# [A-Z“"'`0-9].*|#? ?[A-Z][A-Z0-9_]*=)/.test(lines[index - 1] ?? ''),
    );
    expect(unexplained).toEqual([]);
  });
});
