/** An entity of another subgraph, as the gateway names it and as this subgraph points to it: by its public id. */
export interface Reference {
  readonly id: string;
}
