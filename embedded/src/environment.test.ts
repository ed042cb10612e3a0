import { describe, expect, it } from 'vitest';
import { loadConfig } from '@weir/service/config';
import { embeddedConfigSchema } from './config.ts';
import { serviceEnvironment } from './environment.ts';
import { serviceSettings } from './service-settings.ts';

const secrets = {
  masterKey: 'made-by-the-launcher',
  internalSecret: 'made-by-the-launcher',
  providerKey: '',
  demoApiKey: '',
  demoPassword: '',
};
const ports = {
  PROXY_PORT: 1,
  PROXY_ADMIN_PORT: 2,
  GATEWAY_PORT: 3,
  GATEWAY_ADMIN_PORT: 4,
  IDENTITY_PORT: 5,
  IDENTITY_ADMIN_PORT: 6,
  BILLING_PORT: 7,
  BILLING_ADMIN_PORT: 8,
  ANALYTICS_PORT: 9,
  ANALYTICS_ADMIN_PORT: 10,
};

/** What services are told by a launcher that is told this. */
const told = (env: NodeJS.ProcessEnv) =>
  serviceEnvironment({
    config: loadConfig(embeddedConfigSchema, env),
    settings: serviceSettings(env),
    ports,
    secrets,
    home: '/home',
    databaseUrl: 'postgres://launcher',
  });

describe('services that a launcher starts', () => {
  it('get the settings that are theirs, and nothing that none of them reads', () => {
    const settings = {
      PROXY_TRUSTED_PROXIES: '10.0.0.0/8',
      GRAPHQL_INTROSPECTION: 'false',
      BILLING_POLL: '1s',
    };
    const environment = told({ ...settings, PATH: '/bin', NODE_OPTIONS: '--inspect' });
    expect(environment).toMatchObject(settings);
    expect(environment).not.toHaveProperty('PATH');
    expect(environment).not.toHaveProperty('NODE_OPTIONS');
  });

  it('get what the launcher decides from the launcher', () => {
    const environment = told({
      DATABASE_URL: 'postgres://elsewhere',
      REDIS_URL: 'redis://elsewhere',
      WEIR_MASTER_KEY: 'elsewhere',
      IDENTITY_URL: 'http://elsewhere',
      PROXY_PORT: '0',
    });
    expect(Object.values(environment).filter((value) => value.includes('elsewhere'))).toEqual([]);
    expect(environment).toMatchObject({ DATABASE_URL: 'postgres://launcher', PROXY_PORT: '1' });
    expect(environment).not.toHaveProperty('REDIS_URL');
  });

  it('stop soon unless told otherwise', () => {
    expect(told({})).toMatchObject({ PROXY_GRACE: '5s' });
    expect(told({ PROXY_GRACE: '1m' })).toMatchObject({ PROXY_GRACE: '1m' });
  });
});
