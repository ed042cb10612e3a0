import { parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { loadTypeDefs } from '@weir/graphql/sdl';
import { composeSubgraphs } from './composition.ts';

const LINK = /* GraphQL */ `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable"])
`;
const people = {
  name: 'people',
  typeDefs: [
    parse(`${LINK} type Query { me: Person } type Person @key(fields: "id") { id: ID! name: String! }`),
  ],
};
const pets = {
  name: 'pets',
  typeDefs: [parse(`${LINK} type Person @key(fields: "id") { id: ID! pets: [String!] }`)],
};

describe('a supergraph', () => {
  it('is the same text whatever the order of its subgraphs', () => {
    const one = composeSubgraphs([people, pets]);
    const other = composeSubgraphs([pets, people]);
    expect(one.ok).toBe(true);
    expect(one).toEqual(other);
  });

  it('names no address that could be contacted', () => {
    const result = composeSubgraphs([people]);
    expect(result.ok && result.value).toContain('http://people.invalid/graphql');
  });

  it('that does not fit together says why', () => {
    const rival = {
      name: 'rival',
      typeDefs: [
        parse(`${LINK} type Query { me: Person } type Person @key(fields: "id") { id: ID! name: Int! }`),
      ],
    };
    const result = composeSubgraphs([people, rival]);
    expect(result.ok).toBe(false);
    expect(!result.ok && result.error.join('\n')).toContain('Person.name');
  });

  it('of the shared types composes for any number of subgraphs', () => {
    const extra = (name: string) => ({
      name,
      typeDefs: [...loadTypeDefs(), parse(`extend type Query { ${name}: Money }`)],
    });
    const result = composeSubgraphs([extra('a'), extra('b'), extra('c')]);
    expect(result).toMatchObject({ ok: true });
  });
});
