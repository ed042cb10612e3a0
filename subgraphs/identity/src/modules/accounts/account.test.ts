import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { ancestorIdsOf, dnaBelow, isWithin, ROOT_DNA } from './account.ts';

interface Node {
  readonly id: Uuid;
  readonly dna: string;
  readonly parent: Node | undefined;
}

/** A random tree: each number picks the parent of the next node among those there are. */
const tree = fc.array(fc.nat(), { maxLength: 30 }).map((picks) => {
  const nodes: Node[] = [{ id: newUuid(), dna: ROOT_DNA, parent: undefined }];
  for (const pick of picks) {
    const parent = nodes[pick % nodes.length];
    if (parent) nodes.push({ id: newUuid(), dna: dnaBelow(parent), parent });
  }
  return nodes;
});

function climb(node: Node): Uuid[] {
  return node.parent ? [...climb(node.parent), node.parent.id] : [];
}

describe('the DNA of accounts', () => {
  it('names the ancestors from the root to the parent', () => {
    fc.assert(
      fc.property(tree, (nodes) => {
        for (const node of nodes) expect(ancestorIdsOf(node)).toEqual(climb(node));
      }),
    );
  });

  it('tells what lies within an account exactly as climbing the tree does', () => {
    fc.assert(
      fc.property(tree, (nodes) => {
        for (const node of nodes) {
          for (const top of nodes) {
            expect(isWithin(node, top)).toBe(node.id === top.id || climb(node).includes(top.id));
          }
        }
      }),
      { numRuns: 30 },
    );
  });
});
