/*
 * Schedules: when which run is to be started, and what came of each time.
 *
 * The row is the only memory: next_at is the slot to come, last_slot the last
 * one that was decided about. Both only grow, whatever the clock does, so that
 * no slot is decided about twice; the run and the row are written in one
 * transaction.
 */

CREATE TABLE dalp_workflow.schedule (
	schedule_id	int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name		text NOT NULL UNIQUE CHECK (name OPERATOR(pg_catalog.~) '^[A-Za-z0-9_.:-]{1,80}$'),
	workflow_id	int NOT NULL REFERENCES dalp_workflow.workflow,
	owner		regrole NOT NULL,
	cron		text NOT NULL,
	time_zone	text NOT NULL,
	input		jsonb NOT NULL,
	tags		jsonb NOT NULL,
	priority	int NOT NULL,
	timeout		interval,
	on_overlap	text NOT NULL CHECK (on_overlap OPERATOR(pg_catalog.=) ANY (ARRAY['skip', 'buffer_one', 'allow', 'cancel_running'])),
	catch_up	text NOT NULL CHECK (catch_up OPERATOR(pg_catalog.=) ANY (ARRAY['none', 'last', 'all'])),
	catch_up_window	interval NOT NULL,
	paused		boolean NOT NULL DEFAULT false,
	note		text,
	next_at		timestamptz,
	look_at		timestamptz,
	last_slot	timestamptz,
	last_at		timestamptz,
	last_run_id	bigint,
	live_runs	bigint[] NOT NULL DEFAULT '{}',
	started		bigint NOT NULL DEFAULT 0,
	skipped		bigint NOT NULL DEFAULT 0,
	missed		bigint NOT NULL DEFAULT 0,
	failed		bigint NOT NULL DEFAULT 0,
	last_error	text,
	created_at	timestamptz NOT NULL,
	changed_at	timestamptz NOT NULL,
	CHECK (next_at OPERATOR(pg_catalog.>) last_slot),
	CHECK ((look_at IS NULL) OPERATOR(pg_catalog.=) (paused OR next_at IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX schedule_look_at ON dalp_workflow.schedule (look_at) WHERE look_at IS NOT NULL;
COMMENT ON TABLE dalp_workflow.schedule IS 'when which workflow is started';
COMMENT ON COLUMN dalp_workflow.schedule.schedule_id IS 'internal number';
COMMENT ON COLUMN dalp_workflow.schedule.name IS 'name as in dalp.create_schedule';
COMMENT ON COLUMN dalp_workflow.schedule.workflow_id IS 'workflow whose newest version is started';
COMMENT ON COLUMN dalp_workflow.schedule.owner IS 'role that made it, and that starts the runs';
COMMENT ON COLUMN dalp_workflow.schedule.cron IS 'expression as it was given';
COMMENT ON COLUMN dalp_workflow.schedule.time_zone IS 'time zone whose clock the expression is about';
COMMENT ON COLUMN dalp_workflow.schedule.input IS 'input of the runs; the text <dalp.slot> in it stands for the slot';
COMMENT ON COLUMN dalp_workflow.schedule.tags IS 'tags of the runs, besides schedule and slot';
COMMENT ON COLUMN dalp_workflow.schedule.priority IS 'priority of the runs';
COMMENT ON COLUMN dalp_workflow.schedule.timeout IS 'time limit of the runs; null = what the definition says';
COMMENT ON COLUMN dalp_workflow.schedule.on_overlap IS 'what happens while an earlier run goes on: skip, buffer_one, allow, cancel_running';
COMMENT ON COLUMN dalp_workflow.schedule.catch_up IS 'which of the slots that passed unseen are started: none, last, all';
COMMENT ON COLUMN dalp_workflow.schedule.catch_up_window IS 'older slots are never started';
COMMENT ON COLUMN dalp_workflow.schedule.paused IS 'nothing is started while true';
COMMENT ON COLUMN dalp_workflow.schedule.note IS 'why it is paused';
COMMENT ON COLUMN dalp_workflow.schedule.next_at IS 'the slot to come; null = there is none';
COMMENT ON COLUMN dalp_workflow.schedule.look_at IS 'when the scheduler looks: at next_at, or again a little later; null = never';
COMMENT ON COLUMN dalp_workflow.schedule.last_slot IS 'the last slot that was decided about';
COMMENT ON COLUMN dalp_workflow.schedule.last_at IS 'when a run was last started';
COMMENT ON COLUMN dalp_workflow.schedule.last_run_id IS 'that run';
COMMENT ON COLUMN dalp_workflow.schedule.live_runs IS 'its runs that were going on when it last started one';
COMMENT ON COLUMN dalp_workflow.schedule.started IS 'runs started by it';
COMMENT ON COLUMN dalp_workflow.schedule.skipped IS 'slots left out because an earlier run was going on';
COMMENT ON COLUMN dalp_workflow.schedule.missed IS 'slots that passed unseen, while the server was down, and were not started later';
COMMENT ON COLUMN dalp_workflow.schedule.failed IS 'slots whose run could not be started';
COMMENT ON COLUMN dalp_workflow.schedule.last_error IS 'why the last of those failed; null once a run has been started again';
COMMENT ON COLUMN dalp_workflow.schedule.created_at IS 'when it was created';
COMMENT ON COLUMN dalp_workflow.schedule.changed_at IS 'when it was last replaced, paused or resumed';

CREATE TABLE dalp_workflow.schedule_slot (
	schedule_id	int NOT NULL REFERENCES dalp_workflow.schedule ON DELETE CASCADE,
	slot		timestamptz NOT NULL,
	outcome		text NOT NULL CHECK (outcome OPERATOR(pg_catalog.=) ANY (ARRAY['started', 'triggered', 'skipped', 'missed', 'failed'])),
	slots		int NOT NULL CHECK (slots OPERATOR(pg_catalog.>) 0),
	run_id		bigint,
	reason		text,
	at		timestamptz NOT NULL,
	PRIMARY KEY (schedule_id, slot),
	CHECK ((run_id IS NULL) OPERATOR(pg_catalog.=) (outcome OPERATOR(pg_catalog.<>) ALL (ARRAY['started', 'triggered'])))
);
COMMENT ON TABLE dalp_workflow.schedule_slot IS 'what came of the last slots of each schedule';
COMMENT ON COLUMN dalp_workflow.schedule_slot.schedule_id IS 'the schedule';
COMMENT ON COLUMN dalp_workflow.schedule_slot.slot IS 'the moment that its expression names, or when it was triggered by hand';
COMMENT ON COLUMN dalp_workflow.schedule_slot.outcome IS 'started, triggered (by hand), skipped (overlap), missed (not caught up), failed (could not be started)';
COMMENT ON COLUMN dalp_workflow.schedule_slot.slots IS 'for how many slots in a row the row stands, this one first';
COMMENT ON COLUMN dalp_workflow.schedule_slot.run_id IS 'the run that was started';
COMMENT ON COLUMN dalp_workflow.schedule_slot.reason IS 'why none was';
COMMENT ON COLUMN dalp_workflow.schedule_slot.at IS 'when that was decided';
