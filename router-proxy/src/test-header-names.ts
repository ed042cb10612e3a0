/**
 * Headers that requests and answers carry in the wild: standard ones, those of browsers, balancers, tracing, clients and
 * providers. Without those that frame a message (its length, its encodings of transfer, its connection), which no
 * value of ours could be put into.
 */
export const COMMON_HEADERS: readonly string[] = `
  accept accept-ch accept-charset accept-datetime accept-encoding accept-language accept-patch accept-ranges
  access-control-allow-credentials access-control-allow-headers access-control-allow-methods access-control-allow-origin
  access-control-expose-headers access-control-max-age access-control-request-headers access-control-request-method
  age alt-svc alt-used anthropic-beta anthropic-dangerous-direct-browser-access anthropic-organization-id
  anthropic-priority-input-tokens-limit anthropic-ratelimit-requests-limit anthropic-ratelimit-tokens-remaining
  anthropic-version api-key apikey apim-request-id authentication-info authorization baggage b3 cache-control cf-cache-status
  cf-connecting-ip cf-ray clear-site-data client-ip content-disposition content-language content-location content-md5
  content-range content-security-policy content-type cookie cookie2 cross-origin-opener-policy date deprecation device-memory
  digest dnt early-data etag expires fastly-client-ip forwarded from grpc-status helicone-auth if-match if-modified-since
  if-none-match if-range if-unmodified-since last-modified link location max-forwards nel ocp-apim-subscription-key
  openai-beta openai-model openai-organization openai-processing-ms openai-project openai-version origin pragma priority
  proxy-authenticate proxy-authorization proxy-connection range ratelimit-limit ratelimit-policy ratelimit-remaining referer
  referrer-policy report-to retry-after sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest sec-fetch-mode
  sec-fetch-site server server-timing set-cookie set-cookie2 sourcemap strict-transport-security sunset tracestate
  traceparent true-client-ip uber-trace-id user-agent vary via warning www-authenticate x-amz-security-token x-amzn-requestid
  x-amzn-trace-id x-api-key x-auth-token x-b3-spanid x-b3-traceid x-client-data x-client-request-id x-cloud-trace-context
  x-content-type-options x-correlation-id x-csrf-token x-envoy-external-address x-envoy-upstream-service-time x-forwarded
  x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-proto x-forwarded-server x-frame-options x-goog-api-key
  x-goog-request-params x-goog-user-project x-hmac-timestamp x-http-method-override x-ms-client-request-id x-ms-region
  x-original-host x-original-url x-portkey-api-key x-portkey-custom-host x-powered-by x-ratelimit-limit
  x-ratelimit-limit-requests x-ratelimit-limit-tokens x-ratelimit-remaining-requests x-ratelimit-reset-tokens x-real-ip
  x-request-id x-requested-with x-rewrite-url x-routing-backend x-routing-decision x-scheme x-stainless-arch
  x-stainless-async x-stainless-lang x-stainless-os x-stainless-package-version x-stainless-retry-count
  x-stainless-runtime x-user-agent x-weir-identity x-weir-output-cap x-xss-protection
`
  .trim()
  .split(/\s+/);
