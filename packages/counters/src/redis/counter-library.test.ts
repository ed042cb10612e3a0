import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DEPLOYMENT_FUNCTIONS } from '../deployments/redis/shared.ts';
import { REQUEST_NAME_FUNCTIONS } from '../idempotency/redis/store.ts';
import { COUNTER_FUNCTIONS, TURN_PARTS } from './counter-library.ts';

describe.each([
  { folder: new URL('./lua/', import.meta.url), loaded: COUNTER_FUNCTIONS, parts: TURN_PARTS },
  { folder: new URL('../deployments/redis/lua/', import.meta.url), loaded: DEPLOYMENT_FUNCTIONS, parts: [] },
  {
    folder: new URL('../idempotency/redis/lua/', import.meta.url),
    loaded: REQUEST_NAME_FUNCTIONS,
    parts: [],
  },
])('Lua functions of $folder.pathname', ({ folder, loaded, parts }) => {
  const all = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const found = all.filter((name) => name.endsWith('.lua') && name !== 'lib.lua');
  const partFiles = parts.map((name) => `${name}.lua`);
  const files = found.filter((name) => !partFiles.includes(name));
  const sourceOf = (name: string): string => readFileSync(new URL(name, folder), 'utf8');

  it('are all loaded, and nothing else is', () => {
    expect(loaded.map((name) => `${name}.lua`).sort()).toEqual(files.sort());
  });

  it.each(files)('%s tells its keys, its arguments and its reply', (name) => {
    const header = sourceOf(name).split('\n\n')[0] ?? '';
    for (const part of ['KEYS', 'ARGV', 'Returns']) expect(header).toContain(part);
  });

  it.each([...found, 'lib.lua'])('%s never turns a number into text the lossy way', (name) => {
    const code = sourceOf(name).replaceAll(/--.*/g, '');
    expect(code).not.toContain('tostring');
  });
});
