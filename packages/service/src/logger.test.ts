import { describe, expect, it } from 'vitest';
import { newVirtualKey } from '@weir/kernel/virtual-key';
import { createLogger, type Logger } from './logger.ts';
import { redactRecord } from './redaction.ts';

function capture(level = 'info'): {
  log: Logger;
  lines: () => Record<string, unknown>[];
  text: () => string;
} {
  const written: string[] = [];
  const log = createLogger({
    service: 'test',
    level,
    destination: { write: (line) => void written.push(line) },
  });
  return {
    log,
    lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>),
    text: () => written.join(''),
  };
}

const CANARY = 'canary-7f3a9d';

describe('a log line', () => {
  it('is one JSON object with service, level by name, time and message', () => {
    const { log, lines } = capture();
    log.info({ budgetId: 'b1' }, 'budget reserved');
    expect(lines()).toEqual([
      expect.objectContaining({ service: 'test', level: 'info', msg: 'budget reserved', budgetId: 'b1' }),
    ]);
    expect(lines()[0]?.['time']).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  });

  it('writes bigints as strings at any depth', () => {
    const { log, lines } = capture();
    log.info({ cost: 9_007_199_254_740_993n, nested: { list: [1n, 2] } }, 'settled');
    expect(lines()[0]).toMatchObject({ cost: '9007199254740993', nested: { list: ['1', 2] } });
  });

  it.each([
    { authorization: CANARY },
    { Authorization: CANARY },
    { headers: { 'x-api-key': CANARY, 'X-API-Key': CANARY } },
    { req: { headers: { cookie: CANARY, 'set-cookie': [CANARY] } } },
    { apiKey: CANARY, api_key: CANARY },
    { user: { password: CANARY } },
    { provider: { secret: { ciphertext: CANARY } } },
    { body: { prompt: CANARY, messages: [{ role: 'user', content: CANARY }] } },
    { list: [{ accessToken: CANARY }, { refresh_token: CANARY }] },
    { url: `postgres://weir:${CANARY}@localhost:5432/weir` },
    { url: `rediss://:${CANARY}@localhost` },
    { header: `Bearer ${CANARY}` },
    { err: new Error(`cannot connect to postgres://weir:${CANARY}@db/weir`) },
    { err: new Error('outer', { cause: new Error(`redis://:${CANARY}@x`) }) },
    { one: { two: { three: { four: { five: { six: { seven: CANARY } } } } } } },
  ])('never shows a secret (%#)', (fields) => {
    const { log, text } = capture();
    log.info(fields, 'something');
    log.child(fields).info('something');
    expect(text()).not.toContain(CANARY);
    expect(text()).toContain('something');
  });

  it('never shows a secret in its message, nor an API key anywhere', () => {
    const { log, text } = capture();
    const key = newVirtualKey();
    log.info('failed for postgres://u:%s@h', CANARY);
    log.info({ note: `key ${key} and sk-proj-${CANARY}${CANARY}` }, 'x');
    expect(text()).not.toContain(CANARY);
    expect(text()).not.toContain(key);
  });

  it('keeps what only looks similar', () => {
    const { log, lines } = capture();
    const fields = {
      keyPrefix: 'sk-Xvs1a2',
      tokens: 5,
      inputTokens: 7,
      url: 'https://api.example.com:443/v1',
      at: 'a@b',
    };
    log.info(fields, 'x');
    expect(lines()[0]).toMatchObject(fields);
  });
});

describe('redactRecord', () => {
  it('does not touch or copy what holds no secret', () => {
    const record = { a: 1, nested: { list: [1, 'x'] } };
    expect(redactRecord(record)).toBe(record);
  });

  it('leaves the original as it was', () => {
    const record = { nested: { password: CANARY } };
    redactRecord(record);
    expect(record.nested.password).toBe(CANARY);
  });
});
