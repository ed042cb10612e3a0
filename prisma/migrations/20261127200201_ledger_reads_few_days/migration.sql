-- The functions of the ledger open the partitions that they can need, too, and a sweep that has nothing to do writes
-- nothing. The days are always part of a statement's text: as a parameter or in a join they would have every partition
-- opened and locked before it is known to hold nothing.
--
-- Readers of the log walk it in its order. A day that has only begun has no statistics, and by the planner's defaults it
-- would seem cheaper to read all of it through the index that its days are in. So the order is asked for, and sorting what
-- was found otherwise is ruled out.

-- Rows of one organization after a place in the log. As a part of other functions; not for the proxy itself.
CREATE FUNCTION ledger.rows_after(after_xid xid8, after_seq bigint, organization uuid) RETURNS SETOF ledger.attempt_log
LANGUAGE plpgsql STABLE SET enable_sort = off AS $$
BEGIN
  RETURN QUERY EXECUTE format($query$
    SELECT l.* FROM ledger.attempt_log l
    WHERE l.day = ANY (%L::date[]) AND (l.xid, l.seq) > ($1, $2) AND l.organization_id = $3
    ORDER BY l.xid, l.seq
    $query$, ledger.days_since(after_xid))
  USING after_xid, after_seq, organization;
END
$$;

CREATE OR REPLACE FUNCTION ledger.unprojected(organization uuid) RETURNS SETOF ledger.attempt_log
LANGUAGE sql STABLE AS $$
  SELECT l.* FROM ledger.rows_after(
    coalesce((SELECT p.xid FROM billing.projection_cursor p WHERE p.name = 'billing'), '0'::xid8),
    coalesce((SELECT p.seq FROM billing.projection_cursor p WHERE p.name = 'billing'), 0),
    organization) l
  WHERE l.class <> 'intent'
$$;

CREATE OR REPLACE FUNCTION ledger.open_intents(organization uuid) RETURNS SETOF ledger.attempt_log
LANGUAGE plpgsql STABLE SET enable_sort = off AS $$
DECLARE
  followed constant xid8 := (SELECT f.done FROM ledger.follower f WHERE f.name = 'open_attempts');
  listed constant date[] := ARRAY(
    SELECT DISTINCT o.day FROM ledger.open_attempts o WHERE o.organization_id = organization);
BEGIN
  IF listed <> '{}' THEN
    RETURN QUERY EXECUTE format($query$
      SELECT i.* FROM ledger.open_attempts o
      JOIN ledger.attempt_log i ON i.attempt_id = o.attempt_id AND i.day = o.day AND i.class = 'intent'
      WHERE o.organization_id = $1 AND i.day = ANY (%1$L::date[])
        AND NOT EXISTS (
          SELECT FROM ledger.attempt_log c
          WHERE c.attempt_id = o.attempt_id AND c.day = o.day AND c.day = ANY (%1$L::date[]) AND c.class = 'close')
      $query$, listed)
    USING organization;
  END IF;
  RETURN QUERY EXECUTE format($query$
    SELECT i.* FROM ledger.attempt_log i
    WHERE i.day = ANY (%1$L::date[]) AND i.xid >= $2 AND i.class = 'intent' AND i.organization_id = $1
      AND NOT EXISTS (
        SELECT FROM ledger.attempt_log c
        WHERE c.attempt_id = i.attempt_id AND c.day = i.day AND c.day = ANY (%1$L::date[]) AND c.class = 'close')
    ORDER BY i.xid, i.seq
    $query$, ledger.days_since(followed))
  USING organization, followed;
END
$$;

CREATE OR REPLACE FUNCTION ledger.doubtful_intents(age_ms bigint, after_id uuid, rows_max integer)
RETURNS TABLE (attempt_id uuid, organization_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  listed constant date[] := ARRAY(SELECT DISTINCT o.day FROM ledger.open_attempts o WHERE o.attempt_id > after_id);
BEGIN
  IF listed = '{}' THEN
    RETURN;
  END IF;
  RETURN QUERY EXECUTE format($query$
    SELECT o.attempt_id, o.organization_id FROM ledger.open_attempts o
    JOIN ledger.attempt_log i ON i.attempt_id = o.attempt_id AND i.day = o.day AND i.class = 'intent'
    WHERE o.attempt_id > $2 AND i.logged_at < clock_timestamp() - make_interval(secs => $1 / 1000.0)
      AND i.day = ANY (%1$L::date[])
      AND NOT EXISTS (
        SELECT FROM ledger.attempt_log c
        WHERE c.attempt_id = o.attempt_id AND c.day = o.day AND c.day = ANY (%1$L::date[]) AND c.class = 'close')
    ORDER BY o.attempt_id LIMIT $3
    $query$, listed)
  USING age_ms, after_id, rows_max;
END
$$;

CREATE OR REPLACE FUNCTION ledger.follow_open_attempts(rows_max integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' SET enable_sort = off AS $$
DECLARE
  from_xid xid8;
  complete xid8;
  upto xid8;
  days date[];
  listed date[];
  is_any boolean;
  is_rest boolean;
BEGIN
  -- Without a row there is nothing to list, no close of what is listed, and no reason for a transaction id every few
  -- seconds. In the log's order.
  SELECT f.done INTO from_xid FROM ledger.follower f WHERE f.name = 'open_attempts';
  EXECUTE format($query$
    SELECT true FROM ledger.attempt_log l WHERE l.day = ANY (%L::date[]) AND l.xid >= $1 ORDER BY l.xid, l.seq LIMIT 1
    $query$, ledger.days_since(from_xid))
  INTO is_any USING from_xid;
  IF is_any IS NULL THEN
    RETURN false;
  END IF;

  SELECT f.done, f.head INTO from_xid, complete FROM ledger.follower f WHERE f.name = 'open_attempts' FOR UPDATE;
  days := ledger.days_since(from_xid);
  -- Whole transactions only; one of them is smaller than `rows_max`, so the next bound is always beyond the last.
  EXECUTE format($query$
    SELECT max(b.xid) FROM (
      SELECT l.xid FROM ledger.attempt_log l
      WHERE l.day = ANY (%L::date[]) AND l.xid >= $1 AND l.xid < $2 ORDER BY l.xid, l.seq LIMIT $3
    ) b HAVING count(*) = $3
    $query$, days)
  INTO upto USING from_xid, complete, rows_max;
  is_rest := upto IS NOT NULL AND upto > from_xid;
  IF NOT is_rest THEN
    upto := greatest(from_xid, complete);
  END IF;

  listed := ARRAY(SELECT DISTINCT o.day FROM ledger.open_attempts o);
  IF listed <> '{}' THEN
    EXECUTE format($query$
      DELETE FROM ledger.open_attempts o USING ledger.attempt_log c
      WHERE c.attempt_id = o.attempt_id AND c.day = o.day AND c.day = ANY (%L::date[]) AND c.class = 'close'
      $query$, listed);
  END IF;
  EXECUTE format($query$
    INSERT INTO ledger.open_attempts (attempt_id, day, organization_id)
    SELECT i.attempt_id, i.day, i.organization_id FROM ledger.attempt_log i
    WHERE i.day = ANY (%1$L::date[]) AND i.xid >= $1 AND i.xid < $2 AND i.class = 'intent'
      AND NOT EXISTS (
        SELECT FROM ledger.attempt_log c
        WHERE c.attempt_id = i.attempt_id AND c.day = i.day AND c.day = ANY (%1$L::date[]) AND c.class = 'close')
    ORDER BY i.xid, i.seq
    ON CONFLICT (attempt_id) DO NOTHING
    $query$, days)
  USING from_xid, upto;
  UPDATE ledger.follower f
  SET done = upto, head = greatest(upto, pg_snapshot_xmin(pg_current_snapshot()))
  WHERE f.name = 'open_attempts';
  RETURN is_rest;
END
$$;

CREATE OR REPLACE FUNCTION analytics.projection_lag_seconds() RETURNS double precision
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' SET enable_sort = off AS $$
DECLARE
  place analytics.projection_cursor;
  oldest timestamptz;
BEGIN
  SELECT * INTO place FROM analytics.projection_cursor p WHERE p.name = 'analytics';
  EXECUTE format($query$
    SELECT l.logged_at FROM ledger.attempt_log l
    WHERE l.day = ANY (%L::date[]) AND (l.xid, l.seq) > ($1, $2) ORDER BY l.xid, l.seq LIMIT 1
    $query$, ledger.days_since(place.xid))
  INTO oldest USING place.xid, place.seq;
  RETURN greatest(0, coalesce(extract(epoch FROM clock_timestamp() - oldest)::double precision, 0));
END
$$;

REVOKE ALL ON FUNCTION ledger.rows_after(xid8, bigint, uuid) FROM PUBLIC;
