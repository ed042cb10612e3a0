import { describe, expect, it } from 'vitest';
import { defaultBaseUrl, providerConfigSchema, serviceAccountSchema } from './provider-config.ts';

describe("a provider key's config", () => {
  it('may be empty for every kind but vertex, which has to name its project and location', () => {
    expect(providerConfigSchema.openai.parse({})).toEqual({ models: [], messages: false });
    expect(providerConfigSchema.anthropic.parse({})).toEqual({ models: [] });
    expect(providerConfigSchema.azure.parse({})).toEqual({
      deployments: [],
      apiVersion: 'v1',
      apiVersions: {},
    });
    expect(providerConfigSchema.vertex.safeParse({}).success).toBe(false);
    expect(providerConfigSchema.vertex.parse({ project: 'p-1', location: 'europe-west1' })).toBeTruthy();
  });

  it.each([
    ['openai', { messagess: true }],
    ['openai', { organization: 'org\r\nx-injected: 1' }],
    ['azure', { apiVersion: '2024-10-21&key=1' }],
    ['azure', { apiVersions: { chat: '2024-10-21' } }],
    ['azure', { deployments: [{ pattern: '*', target: '../../secrets' }] }],
    ['azure', { deployments: [{ pattern: '*', target: 'a?b' }] }],
    ['vertex', { project: 'p/../q', location: 'us-east5' }],
    ['vertex', { project: 'p', location: 'evil.example/' }],
  ] as const)(
    'of the kind %s refuses %j, which could change the request in another place',
    (kind, config) => {
      expect(providerConfigSchema[kind].safeParse(config).success).toBe(false);
    },
  );

  it('has a default address where the provider has one', () => {
    expect(defaultBaseUrl('openai', {})).toBe('https://api.openai.com/v1');
    expect(defaultBaseUrl('anthropic', {})).toBe('https://api.anthropic.com');
    expect(defaultBaseUrl('azure', {})).toBeNull();
    const vertex = (location: string) => defaultBaseUrl('vertex', { project: 'p', location });
    expect(vertex('us-east5')).toBe('https://us-east5-aiplatform.googleapis.com');
    expect(vertex('global')).toBe('https://aiplatform.googleapis.com');
    expect(vertex('eu')).toBe('https://aiplatform.eu.rep.googleapis.com');
    expect(defaultBaseUrl('vertex', {})).toBeNull();
  });
});

describe('a service account', () => {
  it('asks Google for its tokens unless it says otherwise', () => {
    const parsed = serviceAccountSchema.parse({
      type: 'service_account',
      client_email: 'weir@p.iam.gserviceaccount.com',
      private_key: '-----BEGIN PRIVATE KEY-----\n',
      universe_domain: 'googleapis.com',
    });
    expect(parsed.token_uri).toBe('https://oauth2.googleapis.com/token');
    expect(serviceAccountSchema.safeParse({ type: 'authorized_user' }).success).toBe(false);
  });
});
