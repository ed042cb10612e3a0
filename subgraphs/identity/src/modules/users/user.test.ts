import { describe, expect, it } from 'vitest';
import { normalizeEmail } from './user.ts';

describe('an e-mail address', () => {
  it('has one spelling whatever its case and the blanks around it', () => {
    expect(normalizeEmail('  Ada@Example.ORG ')).toBe('ada@example.org');
    expect(normalizeEmail('e\u0301@example.org')).toBe('\u00e9@example.org');
  });

  it.each([
    '',
    'ada',
    'ada@',
    '@example.org',
    'a b@example.org',
    'ada@example',
    'a\u0000b@example.org',
    `${'a'.repeat(250)}@b.org`,
  ])('is not %j', (text) => {
    expect(normalizeEmail(text)).toBeUndefined();
  });
});
