/*
 * Where this database's work may go on.
 *
 * A dump carries dalp_ops.instance but not dalp_ops.installation, whose identity
 * is new with each CREATE EXTENSION: so in a restored or copied database the
 * two don't match, whatever of it has been loaded so far.
 */
CREATE TABLE dalp_ops.instance (
	instance	uuid NOT NULL,
	system_identifier bigint NOT NULL,
	database	oid NOT NULL,
	adopted_at	timestamptz NOT NULL,
	adopted_by	regrole NOT NULL,
	note		text,
	PRIMARY KEY (instance, system_identifier, database)
);
COMMENT ON TABLE dalp_ops.instance IS 'places in which this state has been at work; workers are idle where the present one is not among them';
COMMENT ON COLUMN dalp_ops.instance.instance IS 'installation.instance of that time';
COMMENT ON COLUMN dalp_ops.instance.system_identifier IS 'the cluster''s';
COMMENT ON COLUMN dalp_ops.instance.database IS 'number of the database in it';
COMMENT ON COLUMN dalp_ops.instance.adopted_at IS 'since when';
COMMENT ON COLUMN dalp_ops.instance.adopted_by IS 'role that created the first object here, or called dalp.adopt_instance';
COMMENT ON COLUMN dalp_ops.instance.note IS 'note of who adopted it; null = it began here';

CREATE FUNCTION dalp.instance_state() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE
	WHEN EXISTS (SELECT FROM dalp_ops.instance n
		JOIN dalp_ops.installation i ON i.instance OPERATOR(pg_catalog.=) n.instance
		JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) n.database
		CROSS JOIN pg_catalog.pg_control_system() AS c
		WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
			AND n.system_identifier OPERATOR(pg_catalog.=) c.system_identifier) THEN 'active'
	WHEN EXISTS (SELECT FROM dalp_ops.instance) OR EXISTS (SELECT FROM dalp_workflow.workflow)
		OR EXISTS (SELECT FROM dalp_chain.chain) OR EXISTS (SELECT FROM dalp_custody.wallet) THEN 'reconciling'
	ELSE 'new' END
$$;
REVOKE ALL ON FUNCTION dalp.instance_state() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.instance_state() TO dalp_app, dalp_worker, dalp_operator, dalp_custodian, dalp_auditor;
COMMENT ON FUNCTION dalp.instance_state() IS 'new: nothing has been created; active; reconciling: restored or copied from elsewhere, workers are idle until dalp.adopt_instance';

CREATE FUNCTION dalp.adopt_instance(note text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'dalp_adopt_instance';
REVOKE ALL ON FUNCTION dalp.adopt_instance(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dalp.adopt_instance(text) TO dalp_operator;
COMMENT ON FUNCTION dalp.adopt_instance(text) IS 'lets the workers of a restored or copied database begin; the original must not be at work any more';
