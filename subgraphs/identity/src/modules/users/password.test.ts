import { describe, expect, it } from 'vitest';
import { createPasswords, PASSWORD_LENGTH_MAX } from './password.ts';

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

  it('match for nobody, not even the empty or an endless one', async () => {
    const passwords = await createPasswords();
    for (const password of ['', 'anything', 'x'.repeat(PASSWORD_LENGTH_MAX + 1)]) {
      await expect(passwords.matches(password, null)).resolves.toBe(false);
    }
  });
});
