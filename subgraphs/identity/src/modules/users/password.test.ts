import { hash } from '@node-rs/argon2';
import { describe, expect, it } from 'vitest';
import { PASSWORD_LENGTH_MAX } from '../passwords/new-password.ts';
import { createPasswords } from './password.ts';

describe('passwords', () => {
  it('are hashed with Argon2id at 64 MiB, each with its own salt', async () => {
    const passwords = await createPasswords();
    const [a, b] = await Promise.all([
      passwords.hash('heron by the weir'),
      passwords.hash('heron by the weir'),
    ]);
    expect(a).toMatch(/^\$argon2id\$v=19\$m=65536,t=2,p=1\$/);
    expect(a).not.toBe(b);
    await expect(passwords.matches('heron by the weir', a)).resolves.toBe(true);
    await expect(passwords.matches('heron by the Weir', a)).resolves.toBe(false);
  });

  it('match however an accented letter was composed', async () => {
    const passwords = await createPasswords();
    const composed = await passwords.hash('r\u00e9sum\u00e9 by the weir');
    await expect(passwords.matches('re\u0301sume\u0301 by the weir', composed)).resolves.toBe(true);
  });

  it('are outdated when they were hashed at another cost', async () => {
    const passwords = await createPasswords();
    expect(passwords.isOutdated(await passwords.hash('heron by the weir'))).toBe(false);
    expect(passwords.isOutdated(await hash('heron by the weir', { memoryCost: 19_456, timeCost: 2 }))).toBe(
      true,
    );
  });

  it('match for nobody, not even the empty or an endless one', async () => {
    const passwords = await createPasswords();
    for (const password of ['', 'anything', 'x'.repeat(PASSWORD_LENGTH_MAX + 1)]) {
      await expect(passwords.matches(password, null)).resolves.toBe(false);
    }
  });
});
