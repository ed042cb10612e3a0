import plannerModule from '@apollo/query-planner';
import { parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { composeSubgraphs } from '../supergraph/composition.ts';
import { createSubscriptionPlanner } from './plan.ts';

const LINK = /* GraphQL */ `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
`;

function supergraph(): string {
  const result = composeSubgraphs([
    {
      name: 'billing',
      typeDefs: [
        parse(`${LINK}
          type Query { alert: Alert }
          type Subscription { alertRaised(organizationId: ID!): Alert! }
          type Alert @key(fields: "id") { id: ID! threshold: Int! organization: Organization }
          type Organization @key(fields: "id", resolvable: false) { id: ID! }`),
      ],
    },
    {
      name: 'identity',
      typeDefs: [
        parse(`${LINK} type Query { me: ID } type Organization @key(fields: "id") { id: ID! name: String! }`),
      ],
    },
  ]);
  if (!result.ok) throw new Error(result.error.join('\n'));
  return result.value;
}

const planner = createSubscriptionPlanner(supergraph());

describe('the plan of a subscription', () => {
  it('streams the owner’s part and fetches the rest for each event', () => {
    const document = parse(`
      subscription Watch($id: ID!) {
        alertRaised(organizationId: $id) { threshold organization { name } }
      }`);
    const { primary, eventPlan } = planner.plan(document, 'Watch');
    expect(primary).toMatchObject({
      serviceName: 'billing',
      operationKind: 'subscription',
      variableUsages: ['id'],
    });
    expect(plannerModule.prettyFormatQueryPlan(eventPlan)).toMatchInlineSnapshot(`
      "QueryPlan {
        Sequence {
          Fetch(service: "billing") {
            {
              alertRaised(organizationId: $id) {
                threshold
                organization {
                  __typename
                  id
                }
              }
            }
          },
          Sequence {
            Flatten(path: "alertRaised.organization") {
              Fetch(service: "identity") {
                {
                  ... on Organization {
                    __typename
                    id
                  }
                } =>
                {
                  ... on Organization {
                    name
                  }
                }
              },
            },
          },
        },
      }"
    `);
  });

  it('has nothing to fetch when the owner has it all', () => {
    const document = parse('subscription { alertRaised(organizationId: "1") { id } }');
    expect(planner.plan(document, undefined).eventPlan.node).toMatchObject({
      kind: 'Fetch',
      serviceName: 'billing',
    });
  });

  it('is not made for a query', () => {
    expect(() => planner.plan(parse('{ me }'), undefined)).toThrow(/not as a subscription/);
  });
});
