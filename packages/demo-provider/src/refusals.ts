import type { FaultName } from './models.ts';

/** An answer that is an error. */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly message: string;
  /** In OpenAI's shape. */
  readonly body: string;
}

/** By status; everything else of a client's is an invalid request, of the provider's an API error. */
const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};

/** The same refusal in Anthropic's shape. */
export function inAnthropicShape(refused: Refusal): Refusal {
  const { status, message } = refused;
  const type = ANTHROPIC_TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  const body = JSON.stringify({ type: 'error', error: { type, message }, request_id: 'req_demo' });
  return { ...refused, body };
}

export function refusal(
  status: number,
  type: string,
  code: string | null,
  message: string,
  details: { readonly param?: string | null; readonly headers?: Readonly<Record<string, string>> } = {},
): Refusal {
  const body = JSON.stringify({ error: { message, type, param: details.param ?? null, code } });
  return { status, headers: details.headers ?? {}, message, body };
}

export function wrongKey(): Refusal {
  return refusal(401, 'invalid_request_error', 'invalid_api_key', 'Incorrect API key provided.');
}

/** Undefined for faults that begin an answer before they show. */
export function refusalOf(fault: FaultName, number: number): Refusal | undefined {
  switch (fault) {
    case '400':
      return refusal(400, 'invalid_request_error', 'context_length_exceeded', 'The context is too long.', {
        param: 'messages',
      });
    case '401':
      return wrongKey();
    case '403':
      return refusal(
        403,
        'request_forbidden',
        'unsupported_country_region_territory',
        'Region not supported.',
      );
    case '429':
      return refusal(429, 'requests', 'rate_limit_exceeded', 'Rate limit reached. Try again later.', {
        headers: { 'retry-after': String(number), 'retry-after-ms': String(number * 1_000) },
      });
    case 'quota':
      return refusal(429, 'insufficient_quota', 'insufficient_quota', 'You exceeded your current quota.');
    case '500':
      return refusal(500, 'server_error', null, 'The server had an error while processing your request.');
    case '503':
      return refusal(503, 'server_error', 'overloaded', 'The engine is currently overloaded.');
    case 'overloaded':
      return refusal(529, 'server_error', 'overloaded', 'Overloaded');
    case 'credit':
      return refusal(400, 'invalid_request_error', null, 'Your credit balance is too low to access the API.');
    case 'stall':
    case 'slow':
    case 'cut':
    case 'hang':
    case 'error-event':
    case 'garbage':
    case 'no-usage':
      return undefined;
  }
}
