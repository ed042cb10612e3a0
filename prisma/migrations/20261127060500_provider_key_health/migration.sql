-- What the proxy finds out about provider keys, and all that it may write of them.

-- Disables a key whose secret its provider refused; one whose secret was replaced meanwhile is left alone. The trigger on
-- the table moves the organization's epoch, so every proxy drops the key. Answers whether it was this call that did it,
-- and the epoch from which on policies know.
CREATE FUNCTION policy.disable_provider_key(
  organization uuid, provider_key uuid, secret_version integer, reason text,
  OUT disabled boolean, OUT epoch bigint
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
  UPDATE identity.provider_keys p
  SET status = 'DISABLED', disabled_reason = reason, updated_at = now()
  WHERE p.id = provider_key AND p.organization_id = organization AND p.key_version = secret_version
    AND p.status IN ('ENABLED', 'DEGRADED');
  disabled := FOUND;
  SELECT e.epoch INTO STRICT epoch FROM policy.epochs(ARRAY[organization]) e;
END
$$;

-- Keeps the last that was said of each key and model, for people to see. What is said of a replaced secret or a deleted
-- key is dropped. In one order, so that two proxies cannot lock each other out.
CREATE FUNCTION policy.report_provider_key_states(states json) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
  INSERT INTO identity.provider_key_states AS known
    (provider_key_id, model, organization_id, state, until, reason, failures, reported_at)
  SELECT p.id, s.model, p.organization_id, s.state, to_timestamp(s."untilMs" / 1000.0), s.reason, s.failures, now()
  FROM json_to_recordset(states) AS s (
    "providerKeyId" uuid, "secretVersion" integer, model text, state text, "untilMs" bigint, reason text, failures integer
  )
  JOIN identity.provider_keys p ON p.id = s."providerKeyId" AND p.key_version = s."secretVersion"
  ORDER BY p.id, s.model
  ON CONFLICT (provider_key_id, model) DO UPDATE
  SET state = excluded.state, until = excluded.until, reason = excluded.reason, failures = excluded.failures,
    reported_at = excluded.reported_at
$$;

REVOKE ALL ON FUNCTION policy.disable_provider_key(uuid, uuid, integer, text),
  policy.report_provider_key_states(json) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION policy.disable_provider_key(uuid, uuid, integer, text),
  policy.report_provider_key_states(json) TO weir_proxy;
