-- How many invoices of an organization are open. There are none before invoices exist; what brings them replaces this.
CREATE FUNCTION billing.open_invoices(organization uuid) RETURNS int
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
  SELECT 0
$$;
REVOKE ALL ON FUNCTION billing.open_invoices(uuid) FROM PUBLIC;
GRANT USAGE ON SCHEMA billing TO weir_identity;
GRANT EXECUTE ON FUNCTION billing.open_invoices(uuid) TO weir_identity, weir_billing;
