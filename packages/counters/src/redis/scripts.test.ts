import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadScripts } from './scripts.ts';

const folder = new URL('./lua/', import.meta.url);
const files = readdirSync(folder).filter((name) => name !== 'lib.lua');
const sourceOf = (name: string): string => readFileSync(new URL(name, folder), 'utf8');

describe('Lua scripts', () => {
  it('are all loaded, and nothing else is', () => {
    const names = Object.keys(loadScripts()).map((name) => `${name}.lua`);
    expect(names.sort()).toEqual(files.sort());
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
