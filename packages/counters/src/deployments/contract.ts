/**
 * Which deployments are worth asking. A deployment is one provider key serving one model: providers limit and break per
 * model, and a model that always fails must not put the others to sleep.
 *
 * awake ──failure──► sleeping ──time──► awake (throttled), or half-open ──claim──► probing ──success──► awake
 *                       ▲                                                             │
 *                       └──────────────────────failure, twice as long─────────────────┘
 *
 * Two implementations keep this contract and pass one suite: in process (one proxy) and Redis (any number share the
 * states, and of a half-open deployment there is one prober among all of them). Whoever asks for a state gets what this
 * process knows, at once: only the claim of a half-open deployment waits for the store. All of it may be lost at any
 * moment, which costs a few requests that find out anew.
 */
export type SleepReason = 'throttled' | 'quota' | 'broken' | 'timeout' | 'unreachable' | 'forbidden';

export interface DeploymentFailure {
  readonly reason: SleepReason;
  /** How long the provider asks to be left alone; null when it does not say. Obeyed for `throttled` only. */
  readonly retryAfterMs: number | null;
}

export type DeploymentState =
  | { readonly kind: 'awake' }
  | {
      readonly kind: 'sleeping';
      readonly reason: SleepReason;
      /** How often in a row it failed. */
      readonly failures: number;
      readonly untilMs: number;
    }
  /** One request may test it; the others wait for what that says. */
  | { readonly kind: 'half-open'; readonly reason: SleepReason; readonly failures: number }
  | {
      readonly kind: 'probing';
      readonly reason: SleepReason;
      readonly failures: number;
      /** When the test is taken for lost and another request may try. */
      readonly untilMs: number;
    };

/** The right of one request to ask a deployment; it ends with exactly one final report. */
export interface Claim {
  readonly deployment: string;
  /**
   * The newest change that was known when it was given. A request that was under way when the state changed says
   * nothing about the new one.
   */
  seen: number;
  /** Names the test that the request is; null for an ordinary one. */
  readonly probe: string | null;
}

export interface Deployments {
  /** Nothing is known against any deployment, so none has to be asked about. */
  readonly isQuiet: boolean;
  stateOf(deployment: string): DeploymentState;
  /** Null when it may not be asked now. A promise only for a half-open deployment that others share. Never rejects. */
  claim(deployment: string): Claim | null | Promise<Claim | null>;
  /**
   * The provider answers. It may be told as soon as the answer begins: a failure that the same request reports later is
   * then a new one.
   */
  succeeded(claim: Claim): void;
  failed(claim: Claim, failure: DeploymentFailure): void;
  /** The request ended without saying anything about the deployment. */
  released(claim: Claim): void;
  /** What is known of deployments that are not plainly awake. */
  states(): Iterable<readonly [deployment: string, state: DeploymentState]>;
  close(): Promise<void>;
}

/** Told after this process changed what is known of a deployment; not for what others found out. */
export type OnDeploymentChange = (deployment: string) => void;
