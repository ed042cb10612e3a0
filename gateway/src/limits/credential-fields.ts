import {
  getNamedType,
  GraphQLError,
  isInputObjectType,
  Kind,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLInputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';

/** Arguments and members of inputs that carry what somebody might guess. */
const CREDENTIALS = new Set([
  'assertion',
  'clientSecret',
  'code',
  'currentPassword',
  'otp',
  'password',
  'recoveryCode',
  'refreshToken',
  'token',
]);

function carriesCredential(type: GraphQLInputType, depth = 0): boolean {
  const named = getNamedType(type);
  if (!isInputObjectType(named) || depth > 3) return false;
  return Object.values(named.getFields()).some(
    (field) => CREDENTIALS.has(field.name) || carriesCredential(field.type, depth + 1),
  );
}

const known = new WeakMap<GraphQLSchema, ReadonlySet<string>>();

/** The root fields that check a password, a code or a token, by what their arguments carry: a new one is among them by itself. */
export function credentialFieldsOf(schema: GraphQLSchema): ReadonlySet<string> {
  const cached = known.get(schema);
  if (cached) return cached;
  const roots = [schema.getQueryType(), schema.getMutationType()];
  const fields = new Set(
    roots
      .flatMap((root) => Object.values(root?.getFields() ?? {}))
      .filter(({ args }) => args.some(({ name, type }) => CREDENTIALS.has(name) || carriesCredential(type)))
      .map(({ name }) => name),
  );
  known.set(schema, fields);
  return fields;
}

function countIn(
  set: SelectionSetNode,
  fields: ReadonlySet<string>,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  spread: ReadonlySet<string>,
): number {
  return set.selections
    .map((selection) => {
      if (selection.kind === Kind.FIELD) return fields.has(selection.name.value) ? 1 : 0;
      if (selection.kind === Kind.INLINE_FRAGMENT)
        return countIn(selection.selectionSet, fields, fragments, spread);
      const name = selection.name.value;
      const fragment = fragments.get(name);
      if (fragment === undefined || spread.has(name)) return 0;
      return countIn(fragment.selectionSet, fields, fragments, new Set([...spread, name]));
    })
    .reduce<number>((sum, count) => sum + count, 0);
}

/**
 * An operation may check one credential: aliases must not make one request a hundred guesses.
 * @throws GraphQLError GRAPHQL_VALIDATION_FAILED.
 */
export function assertOneCredential(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): void {
  if (operation.operation === 'subscription') return;
  const definitions = document.definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION);
  const fragments = new Map(definitions.map((node) => [node.name.value, node]));
  const actual = countIn(operation.selectionSet, credentialFieldsOf(schema), fragments, new Set());
  if (actual <= 1) return;
  throw new GraphQLError(
    `The operation checks ${actual} credentials; at most 1 is allowed. Send separate operations.`,
    {
      extensions: {
        code: 'GRAPHQL_VALIDATION_FAILED',
        details: { limit: 'credentials', actual, allowed: 1 },
        http: { status: 400 },
      },
    },
  );
}
