/*
 * Workflow state.
 *
 * One table for each reason a run waits: ready (nothing but a worker), timer,
 * wait (a signal, a transaction, a child), inbox (messages that nobody awaits
 * yet), task and lease (a worker outside the database), parked (an operator).
 * The row's presence is the state; a live run has a row in at least one of
 * them, which dalp.doctor() and the sweep check.
 *
 * Hot tables (run, branch, ready, timer, wait, inbox) have no foreign keys:
 * their rows are written by C code only, in one lock order
 * (run, branch, wait, inbox, timer, ready), and a key share lock on a
 * definition for each start would serialise starters.
 */

CREATE TABLE dalp_workflow.workflow (
	workflow_id	int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name		text NOT NULL UNIQUE CHECK (name OPERATOR(pg_catalog.~) '^[A-Za-z0-9_.:-]{1,80}$'),
	owner		regrole NOT NULL,
	paused		boolean NOT NULL DEFAULT false,
	max_running	int CHECK (max_running OPERATOR(pg_catalog.>) 0),
	rate_per_second	numeric CHECK (rate_per_second OPERATOR(pg_catalog.>) 0),
	created_at	timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE dalp_workflow.workflow IS 'one row a workflow name: its owner and what operators set';
COMMENT ON COLUMN dalp_workflow.workflow.workflow_id IS 'internal number';
COMMENT ON COLUMN dalp_workflow.workflow.name IS 'name as in dalp.start';
COMMENT ON COLUMN dalp_workflow.workflow.owner IS 'role that created it; may grant it and add versions';
COMMENT ON COLUMN dalp_workflow.workflow.paused IS 'no run of it is executed while true';
COMMENT ON COLUMN dalp_workflow.workflow.max_running IS 'at most so many runs at once; null = no limit';
COMMENT ON COLUMN dalp_workflow.workflow.rate_per_second IS 'at most so many starts a second; null = no limit';
COMMENT ON COLUMN dalp_workflow.workflow.created_at IS 'when the first version was created';

CREATE TABLE dalp_workflow.workflow_grant (
	workflow_id	int NOT NULL REFERENCES dalp_workflow.workflow,
	grantee		regrole NOT NULL,
	granted_by	regrole NOT NULL,
	granted_at	timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (workflow_id, grantee)
);
COMMENT ON TABLE dalp_workflow.workflow_grant IS 'who besides the owner may start, signal and see a workflow';
COMMENT ON COLUMN dalp_workflow.workflow_grant.workflow_id IS 'the workflow';
COMMENT ON COLUMN dalp_workflow.workflow_grant.grantee IS 'role; its members too';
COMMENT ON COLUMN dalp_workflow.workflow_grant.granted_by IS 'who granted';
COMMENT ON COLUMN dalp_workflow.workflow_grant.granted_at IS 'when';

CREATE TABLE dalp_workflow.definition (
	definition_id	int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	workflow_id	int NOT NULL REFERENCES dalp_workflow.workflow,
	version		int NOT NULL CHECK (version OPERATOR(pg_catalog.>) 0),
	kind		text NOT NULL CHECK (kind OPERATOR(pg_catalog.=) 'machine' OR kind OPERATOR(pg_catalog.=) 'procedure'),
	body		jsonb NOT NULL,
	fingerprint	bytea NOT NULL CHECK (pg_catalog.octet_length(fingerprint) OPERATOR(pg_catalog.=) 32),
	run_as		regrole NOT NULL,
	search_path	text NOT NULL,
	comment		text,
	created_at	timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	UNIQUE (workflow_id, version),
	UNIQUE (workflow_id, fingerprint)
);
COMMENT ON TABLE dalp_workflow.definition IS 'immutable versions of workflows; a running run keeps the version it started with';
COMMENT ON COLUMN dalp_workflow.definition.definition_id IS 'internal number';
COMMENT ON COLUMN dalp_workflow.definition.workflow_id IS 'the workflow';
COMMENT ON COLUMN dalp_workflow.definition.version IS 'from 1, dense';
COMMENT ON COLUMN dalp_workflow.definition.kind IS 'machine: Amazon States Language; procedure: durable procedure';
COMMENT ON COLUMN dalp_workflow.definition.body IS 'the definition as it was given';
COMMENT ON COLUMN dalp_workflow.definition.fingerprint IS 'SHA-256 of the canonical body: the same body is the same version';
COMMENT ON COLUMN dalp_workflow.definition.run_as IS 'role with whose rights handler functions run';
COMMENT ON COLUMN dalp_workflow.definition.search_path IS 'search_path of its author, in which handler functions run';
COMMENT ON COLUMN dalp_workflow.definition.comment IS 'text of its author';
COMMENT ON COLUMN dalp_workflow.definition.created_at IS 'when';

CREATE SEQUENCE dalp_workflow.run_id_seq;
COMMENT ON SEQUENCE dalp_workflow.run_id_seq IS 'ids of runs; the cell number is added above bit 48';

CREATE TABLE dalp_workflow.run (
	run_id		bigint PRIMARY KEY,
	definition_id	int NOT NULL,
	priority	smallint NOT NULL,
	paused		boolean NOT NULL DEFAULT false,
	concurrency_key	text,
	parent_run_id	bigint,
	parent_branch	int,
	started_at	timestamptz NOT NULL,
	deadline	timestamptz,
	redrives	int NOT NULL DEFAULT 0,
	next_branch	int NOT NULL DEFAULT 1,
	compensating	boolean NOT NULL DEFAULT false,
	CHECK ((parent_run_id IS NULL) OPERATOR(pg_catalog.=) (parent_branch IS NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
COMMENT ON TABLE dalp_workflow.run IS 'live runs only; whoever changes anything of a run locks its row here first';
COMMENT ON COLUMN dalp_workflow.run.run_id IS 'id that dalp.start returned';
COMMENT ON COLUMN dalp_workflow.run.definition_id IS 'version that it runs';
COMMENT ON COLUMN dalp_workflow.run.priority IS 'higher goes first';
COMMENT ON COLUMN dalp_workflow.run.paused IS 'an operator paused it: its ready rows are in parked';
CREATE INDEX run_concurrency_key ON dalp_workflow.run (concurrency_key, run_id) WHERE concurrency_key IS NOT NULL;
COMMENT ON COLUMN dalp_workflow.run.concurrency_key IS 'one run at a time for each key of a workflow; null = none';
COMMENT ON COLUMN dalp_workflow.run.parent_run_id IS 'run that waits for this one';
COMMENT ON COLUMN dalp_workflow.run.parent_branch IS 'branch of the parent that waits';
COMMENT ON COLUMN dalp_workflow.run.started_at IS 'when it was started';
COMMENT ON COLUMN dalp_workflow.run.deadline IS 'it ends as TIMED_OUT then; null = never';
COMMENT ON COLUMN dalp_workflow.run.redrives IS 'how often an operator sent it on after a failure';
COMMENT ON COLUMN dalp_workflow.run.next_branch IS 'number of the next branch of Parallel or Map; only grows';
COMMENT ON COLUMN dalp_workflow.run.compensating IS 'it has failed, and runs the compensations of what it had completed';

CREATE TABLE dalp_workflow.run_data (
	run_id		bigint PRIMARY KEY,
	input		jsonb NOT NULL,
	tags		jsonb,
	idempotency_key	text,
	started_by	regrole,
	traceparent	text
);
COMMENT ON TABLE dalp_workflow.run_data IS 'what a run was started with: written once, kept as long as the run can be seen';
COMMENT ON COLUMN dalp_workflow.run_data.run_id IS 'the run';
COMMENT ON COLUMN dalp_workflow.run_data.input IS 'its input, also $$.Execution.Input';
COMMENT ON COLUMN dalp_workflow.run_data.tags IS 'what the caller wants to find it by';
COMMENT ON COLUMN dalp_workflow.run_data.idempotency_key IS 'key it was started with';
COMMENT ON COLUMN dalp_workflow.run_data.started_by IS 'role that started it';
COMMENT ON COLUMN dalp_workflow.run_data.traceparent IS 'W3C trace context of the starter';
CREATE INDEX run_data_tags ON dalp_workflow.run_data USING gin (tags jsonb_path_ops) WHERE tags IS NOT NULL;

CREATE TABLE dalp_workflow.branch (
	run_id		bigint NOT NULL,
	branch_id	int NOT NULL,
	parent_branch	int,
	item_index	int,
	state		text NOT NULL,
	entry		int NOT NULL,
	entered_at	timestamptz NOT NULL,
	attempt		int NOT NULL DEFAULT 0,
	retries		int2[],
	transient	int NOT NULL DEFAULT 0,
	last_seq	int NOT NULL,
	data_seq	int NOT NULL,
	outcome		text CHECK (outcome OPERATOR(pg_catalog.=) 'succeeded' OR outcome OPERATOR(pg_catalog.=) 'failed'),
	children_started int NOT NULL DEFAULT 0,
	children_open	int NOT NULL DEFAULT 0,
	children_failed	int NOT NULL DEFAULT 0,
	PRIMARY KEY (run_id, branch_id),
	CHECK (branch_id OPERATOR(pg_catalog.<>) 0 OR outcome IS NULL),
	CHECK (children_open OPERATOR(pg_catalog.>=) 0 AND children_open OPERATOR(pg_catalog.<=) children_started
		AND children_failed OPERATOR(pg_catalog.<=) children_started),
	CHECK ((branch_id OPERATOR(pg_catalog.=) 0) OPERATOR(pg_catalog.=) (parent_branch IS NULL)),
	CHECK (data_seq OPERATOR(pg_catalog.<=) last_seq)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
CREATE INDEX branch_children ON dalp_workflow.branch (run_id, parent_branch, item_index) WHERE parent_branch IS NOT NULL;
COMMENT ON TABLE dalp_workflow.branch IS 'where each thread of a live run stands; branch 0 is the run itself, others belong to Parallel and Map';
COMMENT ON COLUMN dalp_workflow.branch.run_id IS 'the run';
COMMENT ON COLUMN dalp_workflow.branch.branch_id IS '0 or a number that was never used in this run';
COMMENT ON COLUMN dalp_workflow.branch.parent_branch IS 'branch whose Parallel or Map waits for this one';
COMMENT ON COLUMN dalp_workflow.branch.item_index IS 'number of the branch of Parallel or item of Map, from 0';
COMMENT ON COLUMN dalp_workflow.branch.state IS 'state to run next, or that waits; committed before it runs';
COMMENT ON COLUMN dalp_workflow.branch.entry IS 'number of this state entry in the branch; with run and branch the idempotency key of the step';
COMMENT ON COLUMN dalp_workflow.branch.entered_at IS 'when the state was entered; retries do not change it';
COMMENT ON COLUMN dalp_workflow.branch.attempt IS 'retries of this entry so far';
COMMENT ON COLUMN dalp_workflow.branch.retries IS 'used attempts by retrier; null = none';
COMMENT ON COLUMN dalp_workflow.branch.transient IS 'repeats of this entry that did not count as attempts';
COMMENT ON COLUMN dalp_workflow.branch.last_seq IS 'last journal number of the branch';
COMMENT ON COLUMN dalp_workflow.branch.outcome IS 'how the branch of a Parallel or Map has ended; null = it has not';
COMMENT ON COLUMN dalp_workflow.branch.children_started IS 'branches or items that its Parallel or Map has started';
COMMENT ON COLUMN dalp_workflow.branch.children_open IS 'those of them that have not ended';
COMMENT ON COLUMN dalp_workflow.branch.children_failed IS 'those of them that have failed';
COMMENT ON COLUMN dalp_workflow.branch.data_seq IS 'journal row whose output is the raw input of the state, or what the ended branch gives; 0 in branch 0 = run_data.input';

CREATE TABLE dalp_workflow.suspended_branch (
	run_id		bigint NOT NULL,
	branch_id	int NOT NULL,
	parent_branch	int NOT NULL,
	item_index	int,
	state		text NOT NULL,
	entry		int NOT NULL,
	last_seq	int NOT NULL,
	data_seq	int NOT NULL,
	outcome		text CHECK (outcome OPERATOR(pg_catalog.=) 'succeeded' OR outcome OPERATOR(pg_catalog.=) 'failed'),
	PRIMARY KEY (run_id, branch_id)
);
CREATE INDEX suspended_branch_parent ON dalp_workflow.suspended_branch (run_id, parent_branch);
COMMENT ON TABLE dalp_workflow.suspended_branch IS 'branches of a Parallel or Map that failed: a redrive of the run goes on with them';
COMMENT ON COLUMN dalp_workflow.suspended_branch.run_id IS 'the run';
COMMENT ON COLUMN dalp_workflow.suspended_branch.branch_id IS 'as in branch';
COMMENT ON COLUMN dalp_workflow.suspended_branch.parent_branch IS 'as in branch';
COMMENT ON COLUMN dalp_workflow.suspended_branch.item_index IS 'as in branch';
COMMENT ON COLUMN dalp_workflow.suspended_branch.state IS 'state that it stood in';
COMMENT ON COLUMN dalp_workflow.suspended_branch.entry IS 'as in branch';
COMMENT ON COLUMN dalp_workflow.suspended_branch.last_seq IS 'as in branch';
COMMENT ON COLUMN dalp_workflow.suspended_branch.data_seq IS 'as in branch';
COMMENT ON COLUMN dalp_workflow.suspended_branch.outcome IS 'how it had ended; null = it was under way';

CREATE TABLE dalp_workflow.journal (
	run_id		bigint NOT NULL,
	branch_id	int NOT NULL,
	seq		int NOT NULL,
	event		text NOT NULL,
	state		text,
	entry		int NOT NULL,
	attempt		int NOT NULL,
	entered_at	timestamptz,
	at		timestamptz NOT NULL,
	input_seq	int,
	output		jsonb,
	variables	jsonb,
	error		text,
	cause		text,
	details		jsonb,
	worker		text
) PARTITION BY RANGE (run_id);
-- The primary key (run_id, branch_id, seq) is the partitions', not inherited:
-- pg_dump dumps those that the scheduler makes as tables of their own, attaches
-- them first and adds their keys last.
COMMENT ON TABLE dalp_workflow.journal IS 'what happened, append-only; also the only place of the data that flows from state to state';
COMMENT ON COLUMN dalp_workflow.journal.run_id IS 'the run';
COMMENT ON COLUMN dalp_workflow.journal.branch_id IS 'branch of the run';
COMMENT ON COLUMN dalp_workflow.journal.seq IS 'number within the branch, dense from 1';
COMMENT ON COLUMN dalp_workflow.journal.event IS 'started, entered, task_scheduled, succeeded, failed, retry_scheduled, caught, branch_started, signalled, timed_out, cancelled, redriven, paused, resumed, compensation_started, compensated, compensation_failed …';
COMMENT ON COLUMN dalp_workflow.journal.state IS 'state it is about';
COMMENT ON COLUMN dalp_workflow.journal.entry IS 'state entry it is about';
COMMENT ON COLUMN dalp_workflow.journal.attempt IS 'attempt it is about, from 0';
COMMENT ON COLUMN dalp_workflow.journal.entered_at IS 'set where this row also stands for the entering of the state, at that time';
COMMENT ON COLUMN dalp_workflow.journal.at IS 'when';
COMMENT ON COLUMN dalp_workflow.journal.input_seq IS 'row whose output was the raw input of the state; 0 in branch 0 = run_data.input';
COMMENT ON COLUMN dalp_workflow.journal.output IS 'what the state passes on';
COMMENT ON COLUMN dalp_workflow.journal.variables IS 'variables after it, where there are any';
COMMENT ON COLUMN dalp_workflow.journal.error IS 'error name';
COMMENT ON COLUMN dalp_workflow.journal.cause IS 'error cause';
COMMENT ON COLUMN dalp_workflow.journal.details IS 'further facts by event; of task_scheduled: what the worker of an activity gets';
COMMENT ON COLUMN dalp_workflow.journal.worker IS 'who did it';

CREATE TABLE dalp_workflow.journal_p0 PARTITION OF dalp_workflow.journal (PRIMARY KEY (run_id, branch_id, seq)) FOR VALUES FROM (MINVALUE) TO (1000000);
COMMENT ON TABLE dalp_workflow.journal_p0 IS 'first partition of the journal; the scheduler makes the next ones ahead of need';

CREATE TABLE dalp_workflow.run_done (
	run_id		bigint PRIMARY KEY,
	definition_id	int NOT NULL,
	status		text NOT NULL CHECK (status OPERATOR(pg_catalog.=) ANY (ARRAY['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED'])),
	priority	smallint NOT NULL,
	concurrency_key	text,
	parent_run_id	bigint,
	parent_branch	int,
	state		text,
	started_at	timestamptz NOT NULL,
	finished_at	timestamptz NOT NULL,
	redrives	int NOT NULL DEFAULT 0,
	output		jsonb,
	error		text,
	cause		text,
	last_seq	int NOT NULL,
	data_seq	int NOT NULL,
	entry		int NOT NULL,
	compensated	boolean NOT NULL DEFAULT false,
	CHECK (status OPERATOR(pg_catalog.<>) 'SUCCEEDED' OR (error IS NULL AND cause IS NULL))
);
COMMENT ON TABLE dalp_workflow.run_done IS 'finished runs, moved here by the transaction that finished them';
COMMENT ON COLUMN dalp_workflow.run_done.run_id IS 'the run';
COMMENT ON COLUMN dalp_workflow.run_done.definition_id IS 'version that it ran';
COMMENT ON COLUMN dalp_workflow.run_done.status IS 'SUCCEEDED, FAILED, TIMED_OUT or ABORTED';
COMMENT ON COLUMN dalp_workflow.run_done.priority IS 'as in run';
COMMENT ON COLUMN dalp_workflow.run_done.concurrency_key IS 'as in run';
COMMENT ON COLUMN dalp_workflow.run_done.parent_run_id IS 'as in run';
COMMENT ON COLUMN dalp_workflow.run_done.parent_branch IS 'as in run';
COMMENT ON COLUMN dalp_workflow.run_done.state IS 'last state';
COMMENT ON COLUMN dalp_workflow.run_done.started_at IS 'when it was started';
COMMENT ON COLUMN dalp_workflow.run_done.finished_at IS 'when it ended';
COMMENT ON COLUMN dalp_workflow.run_done.redrives IS 'how often it was sent on after a failure';
COMMENT ON COLUMN dalp_workflow.run_done.output IS 'result of a successful run';
COMMENT ON COLUMN dalp_workflow.run_done.error IS 'error name of a failed one, reason of an aborted one';
COMMENT ON COLUMN dalp_workflow.run_done.cause IS 'its cause';
COMMENT ON COLUMN dalp_workflow.run_done.last_seq IS 'last journal number of branch 0: a redrive continues there';
COMMENT ON COLUMN dalp_workflow.run_done.data_seq IS 'journal row with the raw input of the last state';
COMMENT ON COLUMN dalp_workflow.run_done.entry IS 'number of the last state entry';
COMMENT ON COLUMN dalp_workflow.run_done.compensated IS 'what it had completed has been compensated, so that it can''t go on';
CREATE INDEX run_done_finished_at ON dalp_workflow.run_done (finished_at);

CREATE TABLE dalp_workflow.ready (
	shard		smallint NOT NULL,
	rank		smallint NOT NULL,
	pass		bigint NOT NULL,
	run_id		bigint NOT NULL,
	branch_id	int NOT NULL,
	kind		text NOT NULL CHECK (kind OPERATOR(pg_catalog.=) ANY (ARRAY['step', 'resume', 'timeout', 'deadline', 'deliver'])),
	entry		int NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
COMMENT ON TABLE dalp_workflow.ready IS 'what an executor may do now. A step''s row stays while the branch goes from step to step and is deleted when it has to wait; the others are deleted when they are done';
COMMENT ON COLUMN dalp_workflow.ready.shard IS 'run_id modulo 16: each shard has one executor';
COMMENT ON COLUMN dalp_workflow.ready.rank IS 'minus priority: index order is claim order';
COMMENT ON COLUMN dalp_workflow.ready.pass IS 'order within a rank: microseconds, of the clock of its shard and of the tenant';
COMMENT ON COLUMN dalp_workflow.ready.run_id IS 'the run';
COMMENT ON COLUMN dalp_workflow.ready.branch_id IS 'its branch';
COMMENT ON COLUMN dalp_workflow.ready.kind IS 'step: run the state; resume: a Wait is over; timeout: what the branch waits for took too long; deadline: the run did; deliver: look into the inbox';
COMMENT ON COLUMN dalp_workflow.ready.entry IS 'state entry that a resume or timeout is for; 0 = whichever';
CREATE INDEX ready_order ON dalp_workflow.ready (shard, rank, pass, run_id);
CREATE INDEX ready_run ON dalp_workflow.ready (run_id);

CREATE TABLE dalp_workflow.timer (
	shard		smallint NOT NULL,
	fire_at		timestamptz NOT NULL,
	run_id		bigint NOT NULL,
	branch_id	int NOT NULL,
	kind		text NOT NULL CHECK (kind OPERATOR(pg_catalog.=) ANY (ARRAY['start', 'sleep', 'retry', 'timeout', 'deadline'])),
	entry		int NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
COMMENT ON TABLE dalp_workflow.timer IS 'what happens at a time';
COMMENT ON COLUMN dalp_workflow.timer.shard IS 'run_id modulo 16';
COMMENT ON COLUMN dalp_workflow.timer.fire_at IS 'when';
COMMENT ON COLUMN dalp_workflow.timer.run_id IS 'the run';
COMMENT ON COLUMN dalp_workflow.timer.branch_id IS 'its branch';
COMMENT ON COLUMN dalp_workflow.timer.kind IS 'start: a delayed start; sleep: Wait; retry; timeout: of what the branch waits for; deadline: of the run';
COMMENT ON COLUMN dalp_workflow.timer.entry IS 'state entry that it belongs to; a timer of an older entry does nothing';
CREATE INDEX timer_order ON dalp_workflow.timer (fire_at, run_id);
CREATE INDEX timer_run ON dalp_workflow.timer (run_id);

CREATE TABLE dalp_workflow.wait (
	run_id		bigint NOT NULL,
	branch_id	int NOT NULL,
	kind		text NOT NULL CHECK (kind OPERATOR(pg_catalog.=) ANY (ARRAY['signal', 'transaction', 'call', 'run', 'branches', 'task', 'token', 'compensation'])),
	name		text,
	reference	bigint,
	since		timestamptz NOT NULL,
	PRIMARY KEY (run_id, branch_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
COMMENT ON TABLE dalp_workflow.wait IS 'what a branch waits for besides time';
COMMENT ON COLUMN dalp_workflow.wait.run_id IS 'the run';
COMMENT ON COLUMN dalp_workflow.wait.branch_id IS 'its branch';
COMMENT ON COLUMN dalp_workflow.wait.kind IS 'signal, transaction, call, run (a child), branches (of Parallel and Map), task (activity), token, compensation (of what the failed run had completed)';
COMMENT ON COLUMN dalp_workflow.wait.name IS 'name of the signal or queue; host or chain that is asked; compensation: status that the run ends with';
COMMENT ON COLUMN dalp_workflow.wait.reference IS 'id of the transaction, call or child run; of a task or token: the journal row that the attempt begins with; compensation: journal row of the failure';
COMMENT ON COLUMN dalp_workflow.wait.since IS 'since when';

CREATE TABLE dalp_workflow.inbox (
	message_id	bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	run_id		bigint NOT NULL,
	branch_id	int,
	kind		text NOT NULL CHECK (kind OPERATOR(pg_catalog.=) ANY (ARRAY['signal', 'transaction', 'call', 'run', 'task', 'token'])),
	name		text,
	reference	bigint,
	idempotency_key	text,
	payload		jsonb,
	error		text,
	cause		text,
	worker		text,
	sent_by		regrole,
	sent_at		timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
COMMENT ON TABLE dalp_workflow.inbox IS 'messages to runs that no step has consumed yet: signals, ends of transactions and children. Senders never lock the run';
COMMENT ON COLUMN dalp_workflow.inbox.message_id IS 'order of arrival';
COMMENT ON COLUMN dalp_workflow.inbox.run_id IS 'the run';
COMMENT ON COLUMN dalp_workflow.inbox.branch_id IS 'branch that it is for; null = whichever waits for it';
COMMENT ON COLUMN dalp_workflow.inbox.kind IS 'kind of wait that it ends';
COMMENT ON COLUMN dalp_workflow.inbox.name IS 'name of the signal or queue; host or chain that was asked';
COMMENT ON COLUMN dalp_workflow.inbox.reference IS 'id of the transaction, call or child run, number of the task';
COMMENT ON COLUMN dalp_workflow.inbox.idempotency_key IS 'a signal with a seen key is ignored';
COMMENT ON COLUMN dalp_workflow.inbox.payload IS 'result or payload';
COMMENT ON COLUMN dalp_workflow.inbox.error IS 'error name, where it failed; empty = it failed without one';
COMMENT ON COLUMN dalp_workflow.inbox.cause IS 'error cause';
COMMENT ON COLUMN dalp_workflow.inbox.worker IS 'worker outside the database that had the task';
COMMENT ON COLUMN dalp_workflow.inbox.sent_by IS 'role that sent a signal';
COMMENT ON COLUMN dalp_workflow.inbox.sent_at IS 'when';
CREATE INDEX inbox_run ON dalp_workflow.inbox (run_id, message_id);

CREATE SEQUENCE dalp_workflow.compensation_number_seq;
COMMENT ON SEQUENCE dalp_workflow.compensation_number_seq IS 'order in which Tasks with Compensate complete';

CREATE TABLE dalp_workflow.compensation (
	run_id		bigint NOT NULL,
	branch_id	int NOT NULL,
	entry		int NOT NULL,
	number		bigint,
	state		text NOT NULL,
	input		jsonb NOT NULL,
	result		jsonb,
	variables	jsonb,
	item		jsonb,
	runs_in		int,
	outcome		text CHECK (outcome OPERATOR(pg_catalog.=) 'compensated' OR outcome OPERATOR(pg_catalog.=) 'failed'),
	PRIMARY KEY (run_id, branch_id, entry),
	CHECK (runs_in IS NULL OR number IS NOT NULL),
	CHECK (outcome IS NULL OR runs_in IS NOT NULL)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
CREATE UNIQUE INDEX compensation_number ON dalp_workflow.compensation (number);
COMMENT ON TABLE dalp_workflow.compensation IS 'Tasks with Compensate that a live run has completed, or works on; after its end only those whose compensation failed';
COMMENT ON COLUMN dalp_workflow.compensation.run_id IS 'the run';
COMMENT ON COLUMN dalp_workflow.compensation.branch_id IS 'branch in which the Task ran';
COMMENT ON COLUMN dalp_workflow.compensation.entry IS 'its entry of the state there';
COMMENT ON COLUMN dalp_workflow.compensation.number IS 'order of completion; null = it has not completed';
COMMENT ON COLUMN dalp_workflow.compensation.state IS 'the Task that is to be undone';
COMMENT ON COLUMN dalp_workflow.compensation.input IS 'its effective input';
COMMENT ON COLUMN dalp_workflow.compensation.result IS 'its result';
COMMENT ON COLUMN dalp_workflow.compensation.variables IS 'variables after it, where there are any';
COMMENT ON COLUMN dalp_workflow.compensation.item IS 'index and value of the Map iteration around it; null = none';
COMMENT ON COLUMN dalp_workflow.compensation.runs_in IS 'branch in which its compensation runs or ran; null = not yet';
COMMENT ON COLUMN dalp_workflow.compensation.outcome IS 'how its compensation ended; null = it has not';

CREATE TABLE dalp_workflow.signal_key (
	run_id		bigint NOT NULL,
	name		text NOT NULL,
	idempotency_key	text NOT NULL,
	PRIMARY KEY (run_id, name, idempotency_key)
);
COMMENT ON TABLE dalp_workflow.signal_key IS 'keys of signals that a live run has seen';
COMMENT ON COLUMN dalp_workflow.signal_key.run_id IS 'the run';
COMMENT ON COLUMN dalp_workflow.signal_key.name IS 'name of the signal';
COMMENT ON COLUMN dalp_workflow.signal_key.idempotency_key IS 'the key';

CREATE TABLE dalp_workflow.parked (
	run_id		bigint NOT NULL,
	branch_id	int NOT NULL,
	kind		text NOT NULL,
	entry		int NOT NULL,
	reason		text NOT NULL CHECK (reason OPERATOR(pg_catalog.=) ANY (ARRAY['run_paused', 'workflow_paused', 'tenant_paused', 'concurrency_key', 'limit'])),
	reference	text,
	since		timestamptz NOT NULL
);
CREATE INDEX parked_run ON dalp_workflow.parked (run_id);
COMMENT ON TABLE dalp_workflow.parked IS 'would be ready, but an operator or a limit holds it; goes back to ready when that ends';
COMMENT ON COLUMN dalp_workflow.parked.run_id IS 'the run';
COMMENT ON COLUMN dalp_workflow.parked.branch_id IS 'its branch';
COMMENT ON COLUMN dalp_workflow.parked.kind IS 'as in ready';
COMMENT ON COLUMN dalp_workflow.parked.entry IS 'as in ready';
COMMENT ON COLUMN dalp_workflow.parked.reason IS 'what holds it';
COMMENT ON COLUMN dalp_workflow.parked.reference IS 'name of the workflow or tenant, or the key';
COMMENT ON COLUMN dalp_workflow.parked.since IS 'since when';
CREATE INDEX parked_reason ON dalp_workflow.parked (reason, reference, since);

CREATE TABLE dalp_workflow.concurrency_holder (
	workflow_id	int NOT NULL,
	concurrency_key	text NOT NULL,
	run_id		bigint NOT NULL,
	PRIMARY KEY (workflow_id, concurrency_key)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
COMMENT ON TABLE dalp_workflow.concurrency_holder IS 'the one run of each concurrency key that may go on; others with the key are parked';
COMMENT ON COLUMN dalp_workflow.concurrency_holder.workflow_id IS 'the workflow';
COMMENT ON COLUMN dalp_workflow.concurrency_holder.concurrency_key IS 'the key';
COMMENT ON COLUMN dalp_workflow.concurrency_holder.run_id IS 'run that holds it';

CREATE TABLE dalp_workflow.idempotency (
	scope		text NOT NULL,
	key		text NOT NULL,
	fingerprint	bytea NOT NULL CHECK (pg_catalog.octet_length(fingerprint) OPERATOR(pg_catalog.=) 32),
	run_id		bigint NOT NULL,
	created_at	timestamptz NOT NULL,
	PRIMARY KEY (scope, key)
);
COMMENT ON TABLE dalp_workflow.idempotency IS 'keys that runs were started with; kept for ever';
COMMENT ON COLUMN dalp_workflow.idempotency.scope IS 'name of the workflow';
COMMENT ON COLUMN dalp_workflow.idempotency.key IS 'the caller''s key';
COMMENT ON COLUMN dalp_workflow.idempotency.fingerprint IS 'SHA-256 of everything that changes the effect of the request';
COMMENT ON COLUMN dalp_workflow.idempotency.run_id IS 'run that the first request started';
COMMENT ON COLUMN dalp_workflow.idempotency.created_at IS 'when it was first used';
