-- What an organization has chosen for new budgets, in the shape of its settings; empty where it has chosen nothing.
CREATE FUNCTION policy.budget_defaults(organization uuid) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT coalesce(o.settings -> 'budgetDefaults', '{}') FROM identity.organizations o WHERE o.id = organization
$$;
REVOKE ALL ON FUNCTION policy.budget_defaults(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION policy.budget_defaults(uuid) TO weir_billing;
