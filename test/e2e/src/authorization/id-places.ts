import {
  getNamedType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  type GraphQLInputType,
  type GraphQLSchema,
} from 'graphql';
import { mutationDocument, type ValueOf } from '../every-field.ts';
import { reach } from './fields.ts';
import type { Targets } from './targets.ts';

/** One operation with an id that is none of its caller's business. */
export interface Intrusion {
  /** Where the id stands, for people. */
  readonly place: string;
  readonly document: string;
}

const takesIds = (type: GraphQLInputType): boolean => getNamedType(type).name === 'ID';
const isList = (type: GraphQLInputType): boolean => isListType(isNonNullType(type) ? type.ofType : type);
const literal = (type: GraphQLInputType, id: string): string => (isList(type) ? `["${id}"]` : `"${id}"`);

/** `Input.member` of every id that an input takes, at any depth. */
function idMembersOf(
  type: GraphQLInputType,
  seen = new Set<string>(),
): { readonly coordinate: string; readonly type: GraphQLInputType }[] {
  const named = getNamedType(type);
  if (!isInputObjectType(named) || seen.has(named.name)) return [];
  seen.add(named.name);
  return Object.values(named.getFields()).flatMap((member) =>
    takesIds(member.type)
      ? [{ coordinate: `${named.name}.${member.name}`, type: member.type }]
      : idMembersOf(member.type, seen),
  );
}

/** Every mutation with one id of its input replaced by each of the foreign ids, and all others its caller's own. */
export function intrudingMutations(
  schema: GraphQLSchema,
  own: ValueOf,
  foreignIds: readonly string[],
): Intrusion[] {
  return Object.values(schema.getMutationType()?.getFields() ?? {}).flatMap((mutation) =>
    mutation.args.flatMap((argument) =>
      idMembersOf(argument.type).flatMap(({ coordinate, type }) =>
        foreignIds.map((id) => ({
          place: `${mutation.name} ${coordinate} = ${id}`,
          document: mutationDocument(schema, mutation.name, (at) =>
            at === coordinate ? literal(type, id) : own(at),
          ),
        })),
      ),
    ),
  );
}

/** Every field that takes an id, or a filter with one, with each of the foreign ids. */
export function intrudingQueries(
  schema: GraphQLSchema,
  own: Targets,
  foreignIds: readonly string[],
): Intrusion[] {
  const types = Object.values(schema.getTypeMap()).filter(isObjectType);
  return types.flatMap((type) => {
    const way = reach(type.name, own);
    if (!way) return [];
    return Object.values(type.getFields()).flatMap((field) =>
      field.args.flatMap((argument) => {
        const members = takesIds(argument.type)
          ? [{ coordinate: '', type: argument.type }]
          : idMembersOf(argument.type);
        return members.flatMap(({ coordinate, type: idType }) =>
          foreignIds.map((id) => {
            const value = literal(idType, id);
            const given = coordinate === '' ? value : `{ ${coordinate.split('.')[1] ?? ''}: ${value} }`;
            const answer = getNamedType(field.type);
            const isConnection = isObjectType(answer) && 'nodes' in answer.getFields();
            const members = isConnection ? '{ nodes { __typename id } }' : '{ __typename id }';
            return {
              place: `${type.name}.${field.name} ${coordinate} = ${id}`,
              document: way.wrap(`${field.name}(${argument.name}: ${given}) ${members}`),
            };
          }),
        );
      }),
    );
  });
}
