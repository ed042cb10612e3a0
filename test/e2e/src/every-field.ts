import {
  getNamedType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  isAbstractType,
} from 'graphql';

/** An argument's value by its coordinate, `Type.field.argument` or `Input.member`; undefined for a plausible one. */
export type ValueOf = (coordinate: string) => string | undefined;

/** One operation per object type of a schema that queries can reach, with all of that type's plain fields. */
export function queriesForEveryField(schema: GraphQLSchema, valueOf: ValueOf): string[] {
  const query = schema.getQueryType();
  if (!query) return [];
  const queries: string[] = [];
  const seen = new Set<string>([query.name]);
  const waiting: { readonly type: GraphQLObjectType; readonly wrap: (selection: string) => string }[] = [
    { type: query, wrap: (selection) => selection },
  ];
  for (const { type, wrap } of waiting) {
    const plain: string[] = ['__typename'];
    for (const field of Object.values(type.getFields())) {
      const call = `${field.name}${argumentsOf(field, type.name, valueOf)}`;
      const named = getNamedType(field.type);
      if (!isCompositeType(named)) plain.push(call);
      for (const reached of objectsOf(named, schema).filter(({ name }) => !seen.has(name))) {
        seen.add(reached.name);
        waiting.push({
          type: reached,
          wrap: (selection) => wrap(`${call} { ... on ${reached.name} { ${selection} } }`),
        });
      }
    }
    queries.push(`{ ${wrap(plain.join(' '))} }`);
  }
  return queries;
}

/** Every mutation with a plausible input, which names nothing that exists unless `valueOf` says so. */
export function everyMutation(schema: GraphQLSchema, valueOf: ValueOf): string[] {
  const names = Object.keys(schema.getMutationType()?.getFields() ?? {});
  return names.map((name) => mutationDocument(schema, name, valueOf));
}

/** One mutation as `everyMutation` has it. */
export function mutationDocument(schema: GraphQLSchema, name: string, valueOf: ValueOf): string {
  const field = schema.getMutationType()?.getFields()[name];
  if (!field) throw new Error(`there is no mutation ${name}`);
  const payload = getNamedType(field.type);
  const plain = isObjectType(payload)
    ? Object.values(payload.getFields())
        .filter((member) => !isCompositeType(getNamedType(member.type)))
        .map((member) => member.name)
    : [];
  const complains = isObjectType(payload) && 'userErrors' in payload.getFields();
  const errors = complains ? ['userErrors { code message field }'] : [];
  const selection = ['__typename', ...plain, ...errors].join(' ');
  return `mutation { ${name}${argumentsOf(field, 'Mutation', valueOf)} { ${selection} } }`;
}

/** One field of a type with plausible arguments, and what has no members of what it answers. */
export function fieldSelection(schema: GraphQLSchema, coordinate: string, valueOf: ValueOf): string {
  const [typeName = '', fieldName = ''] = coordinate.split('.');
  const type = schema.getType(typeName);
  const field = isObjectType(type) ? type.getFields()[fieldName] : undefined;
  if (!field) throw new Error(`there is no field ${coordinate}`);
  const members = isCompositeType(getNamedType(field.type)) ? ' { __typename }' : '';
  return field.name + argumentsOf(field, typeName, valueOf) + members;
}

function objectsOf(type: GraphQLNamedType, schema: GraphQLSchema): readonly GraphQLObjectType[] {
  if (isObjectType(type)) return [type];
  return isAbstractType(type) ? schema.getPossibleTypes(type) : [];
}

function argumentsOf(field: GraphQLField<unknown, unknown>, parent: string, valueOf: ValueOf): string {
  const given = field.args.flatMap((argument: GraphQLArgument) => {
    const coordinate = `${parent}.${field.name}.${argument.name}`;
    const value = valueOf(coordinate) ?? (isNonNullType(argument.type) ? plausible(argument.type, coordinate, valueOf) : undefined); // prettier-ignore
    return value === undefined ? [] : [`${argument.name}: ${value}`];
  });
  return given.length === 0 ? '' : `(${given.join(', ')})`;
}

function plausible(type: GraphQLInputType, coordinate: string, valueOf: ValueOf): string {
  if (isNonNullType(type)) return plausible(type.ofType, coordinate, valueOf);
  if (isListType(type)) return `[${plausible(type.ofType, coordinate, valueOf)}]`;
  if (isEnumType(type)) return type.getValues()[0]?.name ?? 'null';
  if (isInputObjectType(type)) {
    const members = Object.values(type.getFields()).flatMap((member) => {
      const at = `${type.name}.${member.name}`;
      const value =
        valueOf(at) ?? (isNonNullType(member.type) ? plausible(member.type, at, valueOf) : undefined);
      return value === undefined ? [] : [`${member.name}: ${value}`];
    });
    return `{ ${members.join(', ')} }`;
  }
  return SCALARS[getNamedType(type).name] ?? '"plausible"';
}

const SCALARS: Readonly<Record<string, string>> = {
  Int: '1',
  Float: '1',
  Boolean: 'false',
  Decimal: '"1"',
  BigInt: '"1"',
  DateTime: '"2030-01-01T00:00:00Z"',
  BusinessDate: '"2030-01-01"',
  TimeZone: '"UTC"',
  CurrencyCode: '"USD"',
};
