/*
 * Tasks for workers outside the database.
 *
 * A task is in one of two tables: task, until a worker takes it, and lease,
 * while a worker has it; going back and forth is a row deleted here and
 * inserted there, so that no row is ever updated on the way and index order
 * is claim order.  What the worker gets, the effective input of the state, is
 * in the journal row that the task begins with (branch, seq): written once.
 *
 * When a lease ends is not written at every heartbeat: it is the latest of
 * claimed_at, the heartbeat in shared memory (lease_memory.c) and the first
 * look after a start of the server, plus the lease's length.
 */

CREATE TABLE dalp_workflow.task (
	queue		text NOT NULL,
	rank		smallint NOT NULL,
	pass		bigint NOT NULL,
	run_id		bigint NOT NULL,
	branch_id	int NOT NULL,
	seq		int NOT NULL,
	workflow_id	int NOT NULL,
	heartbeat	int CHECK (heartbeat OPERATOR(pg_catalog.>) 0),
	losses		int NOT NULL DEFAULT 0,
	PRIMARY KEY (run_id, branch_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
COMMENT ON TABLE dalp_workflow.task IS 'tasks that no worker has, in the order in which they are given out';
COMMENT ON COLUMN dalp_workflow.task.queue IS 'from "activity:queue"';
COMMENT ON COLUMN dalp_workflow.task.rank IS 'minus priority of the run: index order is claim order';
COMMENT ON COLUMN dalp_workflow.task.pass IS 'order within a rank; microseconds';
COMMENT ON COLUMN dalp_workflow.task.run_id IS 'the run';
COMMENT ON COLUMN dalp_workflow.task.branch_id IS 'its branch';
COMMENT ON COLUMN dalp_workflow.task.seq IS 'journal row of the branch that the task begins with: state, entry, attempt, time and input are there. Unlike in every other attempt, so the number of the task';
COMMENT ON COLUMN dalp_workflow.task.workflow_id IS 'whose rights decide who may claim it';
COMMENT ON COLUMN dalp_workflow.task.heartbeat IS 'HeartbeatSeconds of the state; null = none';
COMMENT ON COLUMN dalp_workflow.task.losses IS 'how many workers have had it and were not heard of again';
CREATE INDEX task_order ON dalp_workflow.task (queue, rank, pass, run_id);

CREATE TABLE dalp_workflow.lease (
	run_id		bigint NOT NULL,
	branch_id	int NOT NULL,
	seq		int NOT NULL,
	queue		text,
	rank		smallint NOT NULL,
	pass		bigint NOT NULL,
	workflow_id	int NOT NULL,
	heartbeat	int CHECK (heartbeat OPERATOR(pg_catalog.>) 0),
	losses		int NOT NULL DEFAULT 0,
	token_hash	bytea NOT NULL CHECK (pg_catalog.octet_length(token_hash) OPERATOR(pg_catalog.=) 32),
	worker		text,
	length		int CHECK (length OPERATOR(pg_catalog.>) 0),
	claimed_at	timestamptz NOT NULL,
	PRIMARY KEY (run_id, branch_id),
	CHECK ((queue IS NULL) OPERATOR(pg_catalog.=) (worker IS NULL)),
	CHECK ((queue IS NULL) OPERATOR(pg_catalog.=) (length IS NULL))
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
COMMENT ON TABLE dalp_workflow.lease IS 'tasks that workers have, and tokens of states that wait for one (.waitForTaskToken)';
COMMENT ON COLUMN dalp_workflow.lease.run_id IS 'the run';
COMMENT ON COLUMN dalp_workflow.lease.branch_id IS 'its branch';
COMMENT ON COLUMN dalp_workflow.lease.seq IS 'as in task';
COMMENT ON COLUMN dalp_workflow.lease.queue IS 'as in task; null = a token of .waitForTaskToken';
COMMENT ON COLUMN dalp_workflow.lease.rank IS 'as in task';
COMMENT ON COLUMN dalp_workflow.lease.pass IS 'as in task: a task that comes back has its place in the queue again';
COMMENT ON COLUMN dalp_workflow.lease.workflow_id IS 'as in task';
COMMENT ON COLUMN dalp_workflow.lease.heartbeat IS 'as in task: the state fails where nothing is heard for so many seconds';
COMMENT ON COLUMN dalp_workflow.lease.losses IS 'as in task';
COMMENT ON COLUMN dalp_workflow.lease.token_hash IS 'SHA-256 of the secret in the token: who reads the table, a dump or a standby still can''t complete the task';
COMMENT ON COLUMN dalp_workflow.lease.worker IS 'name that the worker gave itself; null for a token';
COMMENT ON COLUMN dalp_workflow.lease.length IS 'milliseconds after which a worker that is not heard of has lost the task; null for a token';
COMMENT ON COLUMN dalp_workflow.lease.claimed_at IS 'when it was given out; later where heartbeats had no place in shared memory';
-- What the scheduler looks through: tokens without heartbeats have no end and may be many.
CREATE INDEX lease_ending ON dalp_workflow.lease (claimed_at) WHERE length IS NOT NULL OR heartbeat IS NOT NULL;
