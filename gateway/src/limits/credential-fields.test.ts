import { readFileSync } from 'node:fs';
import federation from '@apollo/federation-internals';
import { getOperationAST, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { assertOneCredential, credentialFieldsOf } from './credential-fields.ts';

const sdl = readFileSync(new URL('../../supergraph.graphql', import.meta.url), 'utf8');
const schema = federation.Supergraph.build(sdl).apiSchema().toGraphQLJSSchema();

function check(text: string): void {
  const document = parse(text);
  const operation = getOperationAST(document);
  if (operation) assertOneCredential(schema, document, operation);
}

const input = 'input: { email: "a@example.org", password: "x" }';

describe('an operation', () => {
  it('may check one credential', () => {
    expect(() => check(`mutation { signIn(${input}) { expiresAt } }`)).not.toThrow();
    expect(() =>
      check(`mutation { signOut { endedSessions } signIn(${input}) { expiresAt } }`),
    ).not.toThrow();
  });

  it.each([
    ['aliases', `mutation { a: signIn(${input}) { expiresAt } b: signIn(${input}) { expiresAt } }`],
    [
      'two kinds',
      `mutation { signIn(${input}) { expiresAt } sessionRefresh(input: { refreshToken: "x" }) { expiresAt } }`,
    ],
    [
      'a fragment',
      `mutation { ...F a: signIn(${input}) { expiresAt } } fragment F on Mutation { signIn(${input}) { expiresAt } }`,
    ],
    [
      'a fragment that is spread twice',
      `mutation { ...F ... on Mutation { ...F } } fragment F on Mutation { signIn(${input}) { expiresAt } }`,
    ],
    [
      'conditions',
      `mutation { signIn(${input}) { expiresAt } ... on Mutation @include(if: true) { b: signIn(${input}) { expiresAt } } }`,
    ],
    [
      'aliases of a query',
      'query { a: invitationPreview(token: "x") { state } b: invitationPreview(token: "y") { state } }',
    ],
  ])('may not check two, by %s', (_name, text) => {
    expect(() => check(text)).toThrow(/checks 2 credentials/);
  });
});

it('the fields that check credentials are known by their arguments', () => {
  const fields = credentialFieldsOf(schema);
  const expected = ['signIn', 'sessionRefresh', 'passwordChange', 'passwordReset', 'emailChangeRequest', 'emailChangeConfirm', 'totpConfirm', 'invitationPreview', 'invitationAccept']; // prettier-ignore
  for (const name of expected) expect(fields, name).toContain(name);
  for (const name of [
    'signOut',
    'viewer',
    'organization',
    'apiKeyCreate',
    'organizationUpdate',
    'budgetCreate',
  ])
    expect(fields).not.toContain(name);
});
