/*
 * pg_dump keeps all state: every table with rows of its own, every sequence.
 * Rows that the script itself inserts are left out where they come again.
 */
DO LANGUAGE plpgsql $dump$
DECLARE
	relation regclass;
BEGIN
	FOR relation IN
		SELECT c.oid FROM pg_catalog.pg_class c
		JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
		WHERE n.nspname OPERATOR(pg_catalog.=) ANY (ARRAY['dalp_workflow', 'dalp_chain', 'dalp_custody', 'dalp_audit', 'dalp_ops']::name[])
			AND c.relkind OPERATOR(pg_catalog.=) ANY (ARRAY['r', 'p', 'S']::"char"[])
			AND NOT (n.nspname OPERATOR(pg_catalog.=) 'dalp_ops' AND c.relname OPERATOR(pg_catalog.=) 'installation')
			AND NOT (n.nspname OPERATOR(pg_catalog.=) 'dalp_chain' AND c.relname OPERATOR(pg_catalog.=) 'rpc_error_rule')
		ORDER BY c.oid
	LOOP
		PERFORM pg_catalog.pg_extension_config_dump(relation, '');
	END LOOP;
	PERFORM pg_catalog.pg_extension_config_dump('dalp_chain.rpc_error_rule', 'WHERE NOT builtin');
END
$dump$;
