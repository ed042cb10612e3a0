import { describe, expect, it } from 'vitest';
import { loadConfig } from '@weir/service/config';
import { configSchema } from './config.ts';

const NEEDED = { WEIR_INTERNAL_SECRET: 'a secret of more than thirty-two characters' };

describe('the configuration of the gateway', () => {
  it('needs nothing but the internal secret', () => {
    expect(loadConfig(configSchema, NEEDED)).toMatchObject({
      host: '127.0.0.1',
      port: 4000,
      introspection: true,
      explorer: true,
      subgraphUrls: { identity: 'http://127.0.0.1:4001' },
      trustedProxies: [],
    });
    expect(() => loadConfig(configSchema, {})).toThrow(/WEIR_INTERNAL_SECRET/);
  });

  it('has no explorer without introspection, which it could not work without', () => {
    expect(loadConfig(configSchema, { ...NEEDED, GRAPHQL_INTROSPECTION: 'false' }).explorer).toBe(false);
  });

  it('reads trusted proxies as a list', () => {
    const { trustedProxies } = loadConfig(configSchema, { ...NEEDED, TRUSTED_PROXIES: '10.0.0.0/8, ::1' });
    expect(trustedProxies).toEqual(['10.0.0.0/8', '::1']);
  });
});
