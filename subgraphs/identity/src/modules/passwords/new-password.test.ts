import { describe, expect, it } from 'vitest';
import { checkNewPassword, PASSWORD_LENGTH_MAX } from './new-password.ts';

const about = ['ada.lovelace@analytical.example', 'Ada Lovelace', 'Engine Works'];
const check = (password: string, lengthMin = 12) => checkNewPassword(password, about, { lengthMin });

describe('a new password', () => {
  it.each([
    'correct horse battery staple',
    'heron by the weir',
    'kV9#mQ2!xR7p',
    'ein Fluss voller Steine',
    'длинный пароль про реку',
    '合言葉は川の流れのように',
  ])('may be %j', async (password) => {
    expect(await check(password)).toBeUndefined();
  });

  it.each([
    ['in the list', '1qaz2wsx3edc'],
    ['a common one with the usual ornaments', 'Password123!'],
    ['a common one in disguise', 'P@ssw0rd2026'],
    ['two common ones in a row', 'dragonmonkey12'],
    ['the same common one several times', 'letmeinletmein'],
    ['one character all over', 'aaaaaaaaaaaaaaaaaaaa'],
    ['a run', 'abcdefghijklmnopqrst'],
    ['a short block repeated', 'x7qx7qx7qx7qx7q'],
    ['a season and a year', 'Summer2026!!'],
    ['the person’s own name', 'AdaLovelace1815'],
    ['the person’s own address', 'lovelace@analytical'],
    ['the organization’s name', 'EngineWorks2026!'],
    ['full-width letters of a common one', 'ｐａｓｓｗｏｒｄ１２３４'],
  ])('may not be %s', async (_name, password) => {
    expect(await check(password)).toMatch(/first that are guessed/);
  });

  it('has as many characters as the organization demands, and 12 in any case', async () => {
    expect(await check('kV9#mQ2!xR7')).toMatch(/at least 12 characters/);
    expect(await check('kV9#mQ2!xR7p', 16)).toMatch(/at least 16 characters/);
    expect(await check('kV9#mQ2!xR7', 8)).toMatch(/at least 12 characters/);
    expect(await check('🦆'.repeat(11))).toMatch(/at least 12 characters/);
  });

  it('is no novel', async () => {
    expect(await check('kV9#mQ2!xR7p'.repeat(100))).toMatch(`at most ${PASSWORD_LENGTH_MAX}`);
  });
});
