import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signIn } from './src/graphql.ts';
import { chat } from './src/inference.ts';
import { modes, startPlatform, type Platform } from './src/platform.ts';
import { newSubject, policyChanges, PROBE_MODEL, probe, type PolicyChange } from './src/policy-changes.ts';
import { openSeeding, type Seeding } from './src/seeding.ts';
import { until } from './src/until.ts';

const CHANGES = ['revoke', 'suspend', 'narrow', 're-map', 're-price'] as const;

describe.each(modes())('a change of policy on the %s platform', (mode) => {
  let platform: Platform;
  let seeding: Seeding;
  let changes: readonly PolicyChange[];
  beforeAll(async () => {
    platform = await startPlatform(mode);
    seeding = await openSeeding(platform.databaseUrl, platform.access.organizationId);
    changes = policyChanges(seeding, await signIn(platform.access));
  });
  afterAll(async () => {
    await seeding.close();
    await platform[Symbol.asyncDispose]();
  });

  const changeNamed = (name: string): PolicyChange => {
    const change = changes.find((each) => each.name === name);
    if (!change) throw new Error(`there is no change ${name}`);
    return change;
  };

  it.each(CHANGES)('%s is what every proxy goes by soon after, and from then on', async (name) => {
    const change = changeNamed(name);
    const subject = await newSubject(seeding);
    const { inferenceUrls } = platform.access;
    for (const url of inferenceUrls) {
      expect(await probe(url, subject)).toEqual({ status: 200, code: undefined, model: PROBE_MODEL });
    }
    await change.apply(subject);
    for (const url of inferenceUrls) {
      await until(`${name} at ${url}`, async () => change.isSeenBy(await probe(url, subject)) || undefined);
      expect(change.isSeenBy(await probe(url, subject))).toBe(true);
    }
    await change.undo?.();
  });

  it.each([
    ['revoke', 'API_KEY_REVOKED'],
    ['suspend', 'ACCOUNT_SUSPENDED'],
  ])('%s ends the running streams on every proxy with an error event', async (name, code) => {
    const subject = await newSubject(seeding);
    const streams = await Promise.all(
      platform.access.inferenceUrls.map(async (inferenceUrl) => {
        const answer = await chat(
          { inferenceUrl, apiKey: subject.key.secret },
          { prompt: 'Hello! #chunks=4000 #delay=25', maxTokens: 4_000, stream: true },
        );
        expect(answer.status).toBe(200);
        const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
        expect((await reader?.read())?.value).toContain('data: ');
        return reader;
      }),
    );
    await changeNamed(name).apply(subject);
    for (const reader of streams) {
      let rest = '';
      for (let part = await reader?.read(); part && !part.done; part = await reader?.read())
        rest += part.value;
      expect(rest).toContain('event: error');
      expect(rest).toContain(code);
      expect(rest).not.toContain('[DONE]');
    }
  });
});
