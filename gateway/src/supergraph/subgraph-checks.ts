import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { IDENTITY_HEADER } from '@weir/contracts/internal-identity';
import type { IdentitySigner } from '@weir/graphql/identity-token';
import { newUuid } from '@weir/kernel/ids';
import type { Check } from '@weir/service/health';
import type { SubgraphUrls } from '../config.ts';
import type { SubgraphFetch } from './subgraph-fetch.ts';
import { endpointOf } from './supergraph.ts';

/** Without it nobody can sign in; without another subgraph its fields are missing and the rest works. */
const REQUIRED = 'identity';

function nobody(): InternalIdentity {
  return {
    actor: { type: 'anonymous' },
    organizationId: null,
    permissions: [],
    requestId: newUuid(),
    ipAddress: null,
    userAgent: null,
  };
}

/** Asks each subgraph the smallest question over the way that operations take, identity token included. */
export function subgraphChecks(
  names: readonly string[],
  urls: SubgraphUrls,
  signer: IdentitySigner,
  fetcher: SubgraphFetch,
): readonly Check[] {
  return names.map((name) => ({
    name,
    required: name === REQUIRED,
    async run() {
      const response = await fetcher(endpointOf(name, urls).href, {
        method: 'POST',
        headers: { 'content-type': 'application/json', [IDENTITY_HEADER]: await signer.sign(nobody()) },
        body: '{"query":"{ __typename }"}',
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`it answered ${response.status}`);
    },
  }));
}
