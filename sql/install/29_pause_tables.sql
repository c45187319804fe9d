/*
 * What operators have paused besides runs and workflows, which say it themselves.
 */
CREATE TABLE dalp_workflow.pause (
	kind		text NOT NULL CHECK (kind OPERATOR(pg_catalog.=) ANY (ARRAY['tenant', 'queue'])),
	name		text NOT NULL,
	since		timestamptz NOT NULL,
	PRIMARY KEY (kind, name)
);
COMMENT ON TABLE dalp_workflow.pause IS 'tenants whose runs make no step, and queues that give no tasks';
COMMENT ON COLUMN dalp_workflow.pause.kind IS 'tenant = the tag "tenant" of runs, queue = of tasks for workers outside the database';
COMMENT ON COLUMN dalp_workflow.pause.name IS 'which';
COMMENT ON COLUMN dalp_workflow.pause.since IS 'since when';
