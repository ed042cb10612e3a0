import gatewayModule, { type ApolloGateway, type GraphQLDataSource } from '@apollo/gateway';
import type { Logger } from '@weir/service/logger';
import type { SubgraphUrls } from '../config.ts';
import { createDataSource } from './data-source.ts';
import type { SubgraphFetch } from './subgraph-fetch.ts';

/** Where every subgraph serves GraphQL, below its base URL. */
export const SUBGRAPH_PATH = '/graphql';

export interface Supergraph {
  readonly gateway: ApolloGateway;
  /** By the name of the subgraph. The gateway and the subscriptions fetch through the same ones. */
  readonly dataSources: Readonly<Record<string, GraphQLDataSource>>;
}

export interface SupergraphOptions {
  readonly supergraphSdl: string;
  readonly subgraphUrls: SubgraphUrls;
  readonly fetcher: SubgraphFetch;
  readonly log: Logger;
}

/** The endpoint of a subgraph. @throws Error when the configuration has no address for it. */
export function endpointOf(name: string, urls: SubgraphUrls): URL {
  const base = urls[name];
  if (base === undefined)
    throw new Error(`the supergraph names the subgraph ${name}, whose URL is not configured`);
  return new URL(SUBGRAPH_PATH, base);
}

/** The composed schema with the configured addresses in place of the ones it was composed with. */
export function createSupergraph({
  supergraphSdl,
  subgraphUrls,
  fetcher,
  log,
}: SupergraphOptions): Supergraph {
  const dataSources: Record<string, GraphQLDataSource> = {};
  const gateway = new gatewayModule.ApolloGateway({
    supergraphSdl,
    logger: log,
    buildService({ name }) {
      const url = endpointOf(name, subgraphUrls).href;
      return (dataSources[name] ??= createDataSource({ name, url, fetcher }));
    },
  });
  return { gateway, dataSources };
}
