/*
 * A dropped role leaves its number behind.  A dump writes it as a number, and in
 * another cluster that may be somebody: so it is replaced by nobody, "-", and a
 * row that is about that role (it is in the key) goes.  Audit entries stay as
 * they are.  Rows that others have locked are left for the next time.
 */
CREATE FUNCTION dalp_ops.forget_dropped_roles() RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	place record;
	rows_found text;
	found_more boolean;
	left_over boolean := false;
BEGIN
	FOR place IN
		SELECT c.oid::regclass AS relation, pg_catalog.quote_ident(a.attname) AS role,
			EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid OPERATOR(pg_catalog.=) c.oid AND i.indisprimary
				AND a.attnum OPERATOR(pg_catalog.=) ANY (i.indkey)) AS in_key
		FROM pg_catalog.pg_attribute a
		JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid
		JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
		WHERE n.nspname OPERATOR(pg_catalog.=) ANY (ARRAY['dalp_workflow', 'dalp_chain', 'dalp_custody', 'dalp_ops']::name[])
			AND c.relkind OPERATOR(pg_catalog.=) 'r' AND NOT a.attisdropped
			AND a.atttypid OPERATOR(pg_catalog.=) 'pg_catalog.regrole'::regtype
		ORDER BY c.oid, a.attnum
	LOOP
		rows_found := pg_catalog.format('FROM %s t WHERE t.%s::pg_catalog.oid OPERATOR(pg_catalog.<>) 0 AND NOT EXISTS'
			' (SELECT FROM pg_catalog.pg_authid r WHERE r.oid OPERATOR(pg_catalog.=) t.%s::pg_catalog.oid)',
			place.relation, place.role, place.role);
		EXECUTE pg_catalog.format(CASE WHEN place.in_key THEN 'DELETE FROM %1$s' ELSE 'UPDATE %1$s SET %2$s = ''-''' END
			OPERATOR(pg_catalog.||) ' WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT t.ctid %3$s FOR UPDATE OF t SKIP LOCKED))',
			place.relation, place.role, rows_found);
		EXECUTE pg_catalog.format('SELECT EXISTS (SELECT %s)', rows_found) INTO found_more;
		left_over := left_over OR found_more;
	END LOOP;
	RETURN left_over;
END
$$;
REVOKE ALL ON FUNCTION dalp_ops.forget_dropped_roles() FROM PUBLIC;
COMMENT ON FUNCTION dalp_ops.forget_dropped_roles() IS 'replaces numbers of dropped roles in dalp''s tables by nobody; for the scheduler. True where rows are left that others have locked';
