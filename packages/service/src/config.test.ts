import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  base64KeyField,
  booleanField,
  choiceField,
  durationField,
  integerField,
  portField,
  secretField,
  sharedFields,
  textField,
  urlField,
} from './config-fields.ts';
import { ConfigError, loadConfig, runMain } from './config.ts';

const schema = z
  .object({
    ...sharedFields,
    PROXY_PORT: portField().default(8080),
    PUBLIC_URL: urlField(['https']).optional(),
  })
  .transform((env) => ({
    http: { port: env.PROXY_PORT },
    databaseUrl: env.DATABASE_URL,
    redisUrl: env.REDIS_URL,
  }));

const complete = {
  DATABASE_URL: 'postgres://weir:pw@localhost/weir',
  WEIR_MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
  WEIR_INTERNAL_SECRET: 'x'.repeat(32),
};

function problemsOf(env: NodeJS.ProcessEnv): ConfigError {
  try {
    loadConfig(schema, env);
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown;
  }
  throw new Error('the configuration was accepted');
}

describe('loadConfig', () => {
  it('shapes what the environment says and fills in defaults', () => {
    expect(loadConfig(schema, { ...complete, PROXY_PORT: ' 0 ' })).toEqual({
      http: { port: 0 },
      databaseUrl: complete.DATABASE_URL,
      redisUrl: undefined,
    });
  });

  it('takes a blank variable for an unset one', () => {
    expect(loadConfig(schema, { ...complete, PROXY_PORT: '', REDIS_URL: '  ' })).toMatchObject({
      http: { port: 8080 },
      redisUrl: undefined,
    });
  });

  it('names every problem at once, with what to do about it', () => {
    const error = problemsOf({
      PROXY_PORT: '80800',
      WEIR_INTERNAL_SECRET: 'short',
      PUBLIC_URL: 'example.com',
    });
    expect(error.problems.map(({ variable }) => variable).toSorted()).toEqual([
      'DATABASE_URL',
      'PROXY_PORT',
      'PUBLIC_URL',
      'WEIR_INTERNAL_SECRET',
      'WEIR_MASTER_KEY',
    ]);
    expect(error.message).toContain('DATABASE_URL is not set: it must be a URL that starts with postgres://');
    expect(error.message).toContain('PROXY_PORT must be a port from 1 to 65535, or 0 for any free one');
    expect(error.message).toContain('openssl rand -base64 32');
  });

  it('never repeats a value, which may be a secret', () => {
    const secret = 'hunter2hunter2';
    const error = problemsOf({
      DATABASE_URL: `mysql://u:${secret}@h`,
      WEIR_MASTER_KEY: secret,
      WEIR_INTERNAL_SECRET: secret,
    });
    expect(JSON.stringify([error.message, error.problems])).not.toContain(secret);
  });
});

describe('fields', () => {
  it.each([
    [integerField(1, 10), '10', 10],
    [integerField(-5, 5), '-5', -5],
    [portField(), '65535', 65_535],
    [durationField(0, 86_400_000), '250ms', 250],
    [durationField(0, 86_400_000), '5m', 300_000],
    [durationField(0, 7 * 86_400_000), '7d', 604_800_000],
    [booleanField(), 'true', true],
    [booleanField(), '0', false],
    [choiceField(['a', 'b']), 'b', 'b'],
    [textField('a folder'), ' x ', 'x'],
    [secretField(4), 'abcd', 'abcd'],
    [base64KeyField(3), 'AQID', Buffer.from([1, 2, 3])],
    [base64KeyField(3), '_-8B', Buffer.from([0xff, 0xef, 0x01])],
  ])('read what fits (%#)', (field, text, value) => {
    expect(field.parse(text)).toEqual(value);
  });

  it.each([
    [integerField(1, 10), '11'],
    [integerField(1, 10), '1.5'],
    [integerField(1, 10), '0x5'],
    [portField(), '65536'],
    [portField(), '-1'],
    [portField(), 'http'],
    [durationField(1_000, 60_000), '999ms'],
    [durationField(1_000, 60_000), '30'],
    [durationField(1_000, 60_000), '2h'],
    [booleanField(), 'yes'],
    [choiceField(['a', 'b']), 'c'],
    [urlField(['redis']), 'redis//x'],
    [base64KeyField(32), 'AQID'],
    [base64KeyField(3), 'AQ ID'],
    [secretField(32), 'x'.repeat(31)],
  ])('refuse what does not (%#)', (field, text) => {
    const parsed = field.safeParse(text);
    expect(parsed.error?.issues[0]?.message).toMatch(/^must be /);
  });
});

describe('runMain', () => {
  async function exitOf(failure: Error) {
    const said: string[] = [];
    const codes: number[] = [];
    await runMain(() => Promise.reject(failure), {
      exit: (code) => codes.push(code),
      stderr: { write: (text) => said.push(text) },
    });
    return { codes, said: said.join('') };
  }

  it('leaves with 78 and the list of problems when the configuration is not usable', async () => {
    const { codes, said } = await exitOf(new ConfigError([{ variable: 'A', problem: 'is not set' }]));
    expect(codes).toEqual([78]);
    expect(said).toBe('The configuration is not usable:\n  A is not set\n');
  });

  it('says in one sentence that a port is taken', async () => {
    const taken = Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE', port: 8080 });
    expect(await exitOf(taken)).toEqual({
      codes: [1],
      said: 'Cannot start: port 8080 is taken. Stop the process that uses it or configure another port.\n',
    });
  });

  it('leaves with 1 on anything else', async () => {
    expect((await exitOf(new Error('boom'))).codes).toEqual([1]);
    expect((await exitOf(new Error('boom'))).said).toMatch(/^Cannot start: Error: boom\n/);
  });

  it('does not leave when nothing is wrong', async () => {
    const codes: number[] = [];
    await runMain(() => Promise.resolve(), {
      exit: (code) => codes.push(code),
      stderr: { write: () => true },
    });
    expect(codes).toEqual([]);
  });
});
