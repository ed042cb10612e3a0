import { buildSchema, getOperationAST, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { exceededLimit } from './operation-limits.ts';
import { measureOperation } from './operation-size.ts';

const schema = buildSchema(/* GraphQL */ `
  type Query {
    viewer: Node
  }
  type Mutation {
    rename: Node
  }
  type Node {
    id: ID!
    name: String!
    parent: Node
    tags: [Tag!]!
    children(first: Int = 20): Connection!
  }
  type Tag {
    text: String!
  }
  type Connection {
    edges: [Edge!]!
    nodes: [Node!]!
  }
  type Edge {
    node: Node!
  }
`);

function sizeOf(text: string, variables: Record<string, unknown> = {}) {
  const document = parse(text);
  const operation = getOperationAST(document);
  if (!operation) throw new Error('no operation');
  return measureOperation(schema, document, operation, variables);
}

describe('the size of an operation', () => {
  it('counts nesting, aliases and root fields', () => {
    expect(sizeOf('{ viewer { id } }')).toEqual({ depth: 2, aliases: 0, rootFields: 1, cost: 2 });
    expect(
      sizeOf('{ a: viewer { b: id } c: viewer { id } viewer { parent { parent { id } } } }'),
    ).toMatchObject({
      depth: 4,
      aliases: 3,
      rootFields: 3,
    });
  });

  it('spells fragments out, named and inline', () => {
    const spread = sizeOf(
      '{ ...Root } fragment Root on Query { viewer { ...Node ... on Node { x: id } } } fragment Node on Node { y: name }',
    );
    expect(spread).toEqual(sizeOf('{ viewer { y: name x: id } }'));
  });

  it('multiplies what is below a page by the length of the page', () => {
    const page = (first: string, variables?: Record<string, unknown>) =>
      sizeOf(`query ($n: Int) { viewer { children(first: ${first}) { nodes { id } } } }`, variables).cost;
    expect(page('1')).toBe(4);
    expect(page('50')).toBe(102);
    expect(page('$n', { n: 50 })).toBe(102);
    expect(page('$n')).toBe(42);
    expect(page('$n', { n: 'many' })).toBe(4);
    expect(sizeOf('{ viewer { children { nodes { id } } } }').cost).toBe(42);
  });

  it('assumes a length for lists that nothing bounds', () => {
    expect(sizeOf('{ viewer { tags { text } } }').cost).toBe(12);
  });

  it('adds the weight of each mutation', () => {
    expect(sizeOf('mutation { rename { id } a: rename { id } }').cost).toBe(104);
  });

  it('leaves questions about the schema to graphql-js', () => {
    expect(sizeOf('{ __schema { types { fields { type { ofType { ofType { name } } } } } } }')).toEqual({
      depth: 0,
      aliases: 0,
      rootFields: 1,
      cost: 0,
    });
  });

  it('is found in time linear in the text, also where fragments multiply it', () => {
    const fragments = Array.from(
      { length: 60 },
      (_, n) => `fragment F${n} on Node { parent { ...F${n + 1} } again: parent { ...F${n + 1} } }`,
    );
    const size = sizeOf(`{ viewer { ...F0 } } ${fragments.join(' ')} fragment F60 on Node { id }`);
    expect(size.depth).toBe(62);
    expect(size.aliases).toBeGreaterThan(2 ** 59);
    expect(exceededLimit(size, { depth: 12, aliases: 30, rootFields: 20, cost: 20_000 })?.message).toContain(
      'depth is 62',
    );
  });

  it('is found for fragments that spread themselves, which validation refuses', () => {
    expect(sizeOf('{ viewer { ...F } } fragment F on Node { parent { ...F } }').depth).toBe(2);
  });
});
