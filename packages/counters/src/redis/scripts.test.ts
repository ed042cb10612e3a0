import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DEPLOYMENT_SCRIPTS } from '../deployments/redis/shared.ts';
import { REQUEST_NAME_SCRIPTS } from '../idempotency/redis/store.ts';
import { loadScripts } from './scripts.ts';

describe.each([
  { folder: new URL('./lua/', import.meta.url), loaded: Object.keys(loadScripts()) },
  { folder: new URL('../deployments/redis/lua/', import.meta.url), loaded: DEPLOYMENT_SCRIPTS },
  { folder: new URL('../idempotency/redis/lua/', import.meta.url), loaded: REQUEST_NAME_SCRIPTS },
])('Lua scripts of $folder.pathname', ({ folder, loaded }) => {
  const files = readdirSync(folder).filter((name) => name !== 'lib.lua');
  const sourceOf = (name: string): string => readFileSync(new URL(name, folder), 'utf8');

  it('are all loaded, and nothing else is', () => {
    expect(loaded.map((name) => `${name}.lua`).sort()).toEqual(files.sort());
  });

  it.each(files)('%s tells its keys, its arguments and its reply', (name) => {
    const header = sourceOf(name).split('\n\n')[0] ?? '';
    for (const part of ['KEYS', 'ARGV', 'Returns']) expect(header).toContain(part);
  });

  it.each([...files, 'lib.lua'])('%s never turns a number into text the lossy way', (name) => {
    const code = sourceOf(name).replaceAll(/--.*/g, '');
    expect(code).not.toContain('tostring');
  });
});
