import {
  getNamedType,
  isCompositeType,
  isListType,
  isNonNullType,
  isObjectType,
  isInterfaceType,
  Kind,
  type ArgumentNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';

/** What an operation asks for, fragments spelled out. */
export interface OperationSize {
  /** Nested fields below the root; a root field alone has depth 1. */
  readonly depth: number;
  readonly aliases: number;
  readonly rootFields: number;
  /** Objects and fields that the operation may make the subgraphs produce, pages multiplied by their length. */
  readonly cost: number;
}

interface Measure {
  readonly depth: number;
  readonly aliases: number;
  readonly cost: number;
}

const NOTHING: Measure = { depth: 0, aliases: 0, cost: 0 };
/** Assumed length of a list that no argument bounds. */
const LIST_LENGTH = 10;
/** A mutation locks, writes and notifies; that is worth many reads. */
const MUTATION_COST = 50;

interface Walk {
  readonly schema: GraphQLSchema;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** Each fragment is measured once, however often it is spread; undefined while it is being measured. */
  readonly measured: Map<string, Measure | undefined>;
}

function add(left: Measure, right: Measure): Measure {
  return {
    depth: Math.max(left.depth, right.depth),
    aliases: left.aliases + right.aliases,
    cost: left.cost + right.cost,
  };
}

function fieldOf(
  type: GraphQLNamedType | undefined,
  name: string,
): GraphQLField<unknown, unknown> | undefined {
  return isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined;
}

function pageLength(
  argument: ArgumentNode | undefined,
  field: GraphQLField<unknown, unknown>,
  walk: Walk,
): number {
  const fallback: unknown = field.args.find((arg) => arg.name === 'first')?.defaultValue;
  const given = argument?.value;
  const value =
    given?.kind === Kind.INT
      ? Number(given.value)
      : given?.kind === Kind.VARIABLE
        ? (walk.variables[given.name.value] ?? fallback)
        : fallback;
  return typeof value === 'number' && value > 1 ? value : 1;
}

function isList(type: GraphQLOutputType): boolean {
  return isListType(isNonNullType(type) ? type.ofType : type);
}

/** How many objects one occurrence of the field stands for. */
function multiplicity(node: FieldNode, field: GraphQLField<unknown, unknown>, walk: Walk): number {
  if (field.args.some((arg) => arg.name === 'first')) {
    const argument = node.arguments?.find((candidate) => candidate.name.value === 'first');
    return pageLength(argument, field, walk);
  }
  // The lists of a connection are as long as its page, which has been counted already.
  const isOfPage = field.name === 'edges' || field.name === 'nodes';
  return isList(field.type) && !isOfPage ? LIST_LENGTH : 1;
}

function measureField(node: FieldNode, parent: GraphQLNamedType | undefined, walk: Walk): Measure {
  const name = node.name.value;
  const aliases = node.alias === undefined ? 0 : 1;
  // Questions about the schema are answered from memory and bounded by graphql-js itself.
  if (name.startsWith('__')) return { depth: 0, aliases, cost: 0 };
  const field = fieldOf(parent, name);
  if (field === undefined) return { depth: 1, aliases, cost: 1 };
  const type = getNamedType(field.type);
  const inner = node.selectionSet ? measureSelections(node.selectionSet, type, walk) : NOTHING;
  const times = isCompositeType(type) ? multiplicity(node, field, walk) : 1;
  return { depth: inner.depth + 1, aliases: inner.aliases + aliases, cost: 1 + times * inner.cost };
}

function measureFragment(name: string, walk: Walk): Measure {
  if (walk.measured.has(name)) return walk.measured.get(name) ?? NOTHING;
  const fragment = walk.fragments.get(name);
  if (fragment === undefined) return NOTHING;
  walk.measured.set(name, undefined);
  const type = walk.schema.getType(fragment.typeCondition.name.value);
  const measure = measureSelections(fragment.selectionSet, type, walk);
  walk.measured.set(name, measure);
  return measure;
}

function measureSelections(set: SelectionSetNode, parent: GraphQLNamedType | undefined, walk: Walk): Measure {
  return set.selections
    .map((selection) => {
      switch (selection.kind) {
        case Kind.FIELD:
          return measureField(selection, parent, walk);
        case Kind.FRAGMENT_SPREAD:
          return measureFragment(selection.name.value, walk);
        case Kind.INLINE_FRAGMENT: {
          const condition = selection.typeCondition?.name.value;
          const type = condition === undefined ? parent : walk.schema.getType(condition);
          return measureSelections(selection.selectionSet, type, walk);
        }
      }
    })
    .reduce(add, NOTHING);
}

function countRootFields(set: SelectionSetNode, walk: Walk, spread: ReadonlySet<string>): number {
  return set.selections
    .map((selection) => {
      if (selection.kind === Kind.FIELD) return 1;
      if (selection.kind === Kind.INLINE_FRAGMENT)
        return countRootFields(selection.selectionSet, walk, spread);
      const name = selection.name.value;
      const fragment = walk.fragments.get(name);
      if (fragment === undefined || spread.has(name)) return 0;
      return countRootFields(fragment.selectionSet, walk, new Set([...spread, name]));
    })
    .reduce((sum, count) => sum + count, 0);
}

/** Measures a valid operation before it is planned. Linear in the size of the document, whatever the fragments do. */
export function measureOperation(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): OperationSize {
  const definitions = document.definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION);
  const fragments = new Map(definitions.map((node) => [node.name.value, node]));
  const walk: Walk = { schema, variables, fragments, measured: new Map() };
  const root = schema.getRootType(operation.operation) ?? undefined;
  const { depth, aliases, cost } = measureSelections(operation.selectionSet, root, walk);
  const rootFields = countRootFields(operation.selectionSet, walk, new Set());
  const surcharge = operation.operation === 'mutation' ? MUTATION_COST * rootFields : 0;
  return { depth, aliases, rootFields, cost: cost + surcharge };
}
