-- Which of these people have enrolled a second factor: only members of the transaction's organization, and oneself. That
-- much others may know of somebody's factors, whose rows are their own. The tables come in a later migration.
CREATE FUNCTION identity.enrolled_people(people uuid[]) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
BEGIN
  RETURN QUERY
  SELECT person FROM unnest(people) AS person
  WHERE (
      EXISTS (SELECT FROM identity.totp_factors t WHERE t.user_id = person AND t.confirmed_at IS NOT NULL)
      OR EXISTS (SELECT FROM identity.passkeys p WHERE p.user_id = person)
    )
    AND (
      person = nullif(current_setting('app.user_id', true), '')::uuid
      OR EXISTS (
        SELECT FROM identity.memberships m
        WHERE m.user_id = person
          AND m.organization_id = nullif(current_setting('app.organization_id', true), '')::uuid
      )
    );
END
$$;
REVOKE ALL ON FUNCTION identity.enrolled_people(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.enrolled_people(uuid[]) TO weir_identity;
