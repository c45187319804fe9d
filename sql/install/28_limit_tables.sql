/*
 * Limits of workflows: who waits for one is in parked (reason 'limit'), who has
 * been let in is here.  Only the scheduler lets in, so that it counts alone.
 */

ALTER TABLE dalp_workflow.parked ADD COLUMN rank smallint NOT NULL DEFAULT 0;
COMMENT ON COLUMN dalp_workflow.parked.rank IS 'as in ready, where it waits for a limit';
CREATE INDEX parked_limit ON dalp_workflow.parked (reference, rank, run_id) WHERE reason OPERATOR(pg_catalog.=) 'limit';

CREATE TABLE dalp_workflow.limit_state (
	workflow_id	int PRIMARY KEY REFERENCES dalp_workflow.workflow,
	tokens		float8 NOT NULL CHECK (tokens OPERATOR(pg_catalog.>=) 0),
	refilled_at	timestamptz NOT NULL,
	set_at		timestamptz NOT NULL
);
COMMENT ON TABLE dalp_workflow.limit_state IS 'workflows that have a limit, or whose runs still wait for one that they had';
COMMENT ON COLUMN dalp_workflow.limit_state.workflow_id IS 'the workflow';
COMMENT ON COLUMN dalp_workflow.limit_state.tokens IS 'starts that its rate allows now';
COMMENT ON COLUMN dalp_workflow.limit_state.refilled_at IS 'when that was counted';
COMMENT ON COLUMN dalp_workflow.limit_state.set_at IS 'when the limits were last set';

CREATE TABLE dalp_workflow.limit_run (
	run_id		bigint PRIMARY KEY,
	workflow_id	int NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX limit_run_workflow ON dalp_workflow.limit_run (workflow_id);
COMMENT ON TABLE dalp_workflow.limit_run IS 'runs of workflows with a limit that were let in; a row of a run that has ended counts for nothing';
COMMENT ON COLUMN dalp_workflow.limit_run.run_id IS 'the run';
COMMENT ON COLUMN dalp_workflow.limit_run.workflow_id IS 'its workflow';
