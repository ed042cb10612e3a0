import { describe, expect, it } from 'vitest';
import { hiddenFailure, mayHideFailure } from './hidden-failure.ts';

const credit = 'Your credit balance is too low to access the Anthropic API.';

describe('an answer that looks like a mistake of the client', () => {
  it('is judged by its text only where providers are known to mean something else by it', () => {
    expect([400, 404].every(mayHideFailure)).toBe(true);
    expect([200, 401, 405, 409, 413, 415, 422].some(mayHideFailure)).toBe(false);
  });

  it.each([
    [400, { type: 'error', error: { type: 'invalid_request_error', message: credit } }, 'quota'],
    [400, { error: { message: 'You have reached your specified API usage limits.' } }, 'quota'],
    [400, { error: { code: 'billing_hard_limit_reached', message: 'Billing hard limit' } }, 'quota'],
    [404, { error: { code: 'DeploymentNotFound', message: 'The API deployment' } }, 'broken'],
    [404, { error: { code: 404, status: 'NOT_FOUND', message: 'Publisher Model `projects/p`' } }, 'broken'],
    [404, [{ error: { code: 404, status: 'NOT_FOUND', message: 'Publisher Model `projects/p`' } }], 'broken'],
  ])('%d with %j is a failure of the key', (status, body, kind) => {
    expect(hiddenFailure(status, JSON.stringify(body))).toEqual({ kind, status });
  });

  it.each([
    [400, JSON.stringify({ error: { message: `Invalid role: ${credit}` } })],
    [400, JSON.stringify({ error: { message: 'bad', param: credit } })],
    [404, JSON.stringify({ error: { message: 'The model DeploymentNotFound does not exist' } })],
    [404, JSON.stringify({ error: { code: 'DeploymentNotFound' } }).slice(0, -1)],
    [400, ''],
    [400, '[]'],
    [400, '"x"'],
  ])('%d with %j stays one, whatever words of a client the provider repeats', (status, body) => {
    expect(hiddenFailure(status, body)).toBeNull();
  });
});
