-- By hand.

-- How many could administer the platform without this person.
CREATE FUNCTION identity.other_system_admins(person uuid) RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT count(*)::integer FROM identity.users u
  WHERE u.platform_role = 'SYSTEM_ADMIN' AND u.status = 'ACTIVE' AND u.id <> person
$$;

REVOKE ALL ON FUNCTION identity.other_system_admins(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.other_system_admins(uuid) TO weir_identity;
