import {
  getNamedType,
  isInterfaceType,
  isObjectType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import { FIELD_ACCESS, PEOPLE_ONLY, type FieldRule } from '@weir/contracts/field-access';
import { fieldSelection, mutationDocument, type ValueOf } from '../every-field.ts';
import type { Targets } from './targets.ts';

/** One operation that uses one field. */
export interface Use {
  readonly document: string;
  /** From the data down to the field. */
  readonly path: readonly string[];
  readonly needed: readonly FieldRule[];
}

const ORGANIZATION = FIELD_ACCESS['Query.organization'] ?? 'organization:read';
const ROOTS = ['Query', 'Mutation', 'Subscription'];
/** Types whose members lead to other things: each such member needs a row, whether or not it takes arguments. */
const GATEWAYS = ['Organization', 'Viewer'];

const isEntity = (type: unknown): boolean =>
  isObjectType(type) && ('id' in type.getFields() || 'nodes' in type.getFields());

/** The fields that decide for themselves who may use them. */
export function decidingFields(schema: GraphQLSchema): string[] {
  const types = Object.values(schema.getTypeMap()).filter((type): type is GraphQLObjectType =>
    isObjectType(type),
  );
  return types
    .filter(({ name }) => !name.startsWith('__'))
    .flatMap((type) =>
      Object.values(type.getFields())
        .filter((field) => {
          const named = getNamedType(field.type);
          const leads = GATEWAYS.includes(type.name) && (isEntity(named) || isInterfaceType(named));
          return ROOTS.includes(type.name) || field.args.length > 0 || leads;
        })
        .map((field) => `${type.name}.${field.name}`),
    );
}

/** How one thing of a type is reached: what surrounds its members, and the path to them. */
export function reach(
  typeName: string,
  { organization, account, email }: Targets,
):
  | {
      readonly wrap: (selection: string) => string;
      readonly path: readonly string[];
      readonly needed: readonly FieldRule[];
    }
  | undefined {
  const inOrganization = (selection: string): string =>
    `{ organization(id: "${organization}") { ${selection} } }`;
  const through = (field: string, call: string, needed: FieldRule) => ({
    wrap: (selection: string) => inOrganization(`${call} { nodes { ${selection} } }`),
    path: ['organization', field, 'nodes'],
    needed: [ORGANIZATION, needed] as const,
  });
  switch (typeName) {
    case 'Query':
      return { wrap: (selection) => `{ ${selection} }`, path: [], needed: [] };
    case 'Viewer':
      return { wrap: (selection) => `{ viewer { ${selection} } }`, path: ['viewer'], needed: ['signedIn'] };
    case 'Organization':
      return { wrap: inOrganization, path: ['organization'], needed: [ORGANIZATION] };
    case 'Account':
      return { wrap: (selection) => `{ account(id: "${account}") { ${selection} } }`, path: ['account'], needed: ['account:read'] }; // prettier-ignore
    case 'ApiKey':
      return through('apiKeys', 'apiKeys(first: 1)', 'apiKey:read');
    case 'Model':
      return through('models', 'models(first: 1)', 'organization:read');
    case 'Membership':
      return through('members', `members(first: 1, filter: { text: "${email}" })`, 'member:read');
    case 'Role':
      return through('roles', 'roles(first: 1)', 'role:read');
    default:
      return undefined;
  }
}

/** An operation that uses the field on the targets. */
export function useOf(schema: GraphQLSchema, coordinate: string, targets: Targets, valueOf: ValueOf): Use {
  const [typeName = '', fieldName = ''] = coordinate.split('.');
  const access = FIELD_ACCESS[coordinate];
  if (access === undefined) throw new Error(`${coordinate} has no row in FIELD_ACCESS`);
  if (typeName === 'Mutation') {
    const needed = PEOPLE_ONLY.includes(coordinate) ? ([access, 'person'] as const) : [access];
    return { document: mutationDocument(schema, fieldName, valueOf), path: [fieldName], needed };
  }
  const selection = fieldSelection(schema, coordinate, valueOf);
  if (typeName === 'Subscription') return { document: `subscription { ${selection} }`, path: [fieldName], needed: [access] }; // prettier-ignore
  const way = reach(typeName, targets);
  if (!way) throw new Error(`how a ${typeName} is reached is not known: say so in reach()`);
  return { document: way.wrap(selection), path: [...way.path, fieldName], needed: [...way.needed, access] };
}
