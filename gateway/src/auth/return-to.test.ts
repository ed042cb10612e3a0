import { describe, expect, it } from 'vitest';
import { createReturnTo } from './return-to.ts';

const returnTo = createReturnTo('https://weir.example', ['https://portal.example']);

describe('the address to return to', () => {
  it.each([
    ['/', 'https://weir.example/'],
    ['/usage?range=7d', 'https://weir.example/usage?range=7d'],
    ['usage', 'https://weir.example/usage'],
    ['https:evil.example', 'https://weir.example/evil.example'],
    ['https://portal.example/home', 'https://portal.example/home'],
    ['/page#token=forged', 'https://weir.example/page'],
  ])('may be %s', (text, url) => {
    expect(returnTo(text)).toBe(url);
  });

  it.each([
    'https://evil.example/',
    '//evil.example/',
    '/\\evil.example/',
    '\\\\evil.example',
    'https:/\\evil.example',
    '/\t/evil.example',
    'https://weir.example@evil.example/',
    'https://weir.example.evil.example/',
    'https://user:password@weir.example/',
    'http://weir.example/',
    'https://weir.example:8443/',
    'javascript:alert(1)',
    'data:text/html,x',
    'blob:https://evil.example/x',
    `/${'x'.repeat(5_000)}`,
  ])('is not %s', (text) => {
    expect(returnTo(text)).toBeUndefined();
  });

  it('is nowhere while the gateway does not know where it is', () => {
    expect(createReturnTo(undefined, [])('/')).toBeUndefined();
  });
});
