/** A started app: what its `start` answers. */
export interface Running {
  /** The ports it listens on, chosen ones where 0 was configured. */
  readonly ports: { readonly http: number; readonly admin: number };
  /** Finishes what is in flight, within the app's own grace, and frees everything. Idempotent. */
  stop(): Promise<void>;
}
