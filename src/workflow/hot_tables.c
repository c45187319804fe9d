/*
 * hot_tables.c
 *		The tables that every step and start touches, for core/table.h.
 *
 * Only columns that code sets or reads through core/table.h; others get their
 * default.  Keep in step with the enums of hot_tables.h.
 */
#include "postgres.h"

#include "workflow/hot_tables.h"

const TableName run_table = {
	"dalp_workflow", "run", 11,
	{"run_id", "definition_id", "priority", "paused", "concurrency_key", "parent_run_id",
	"parent_branch", "started_at", "deadline", "redrives", "compensating"}
};

const TableName run_data_table = {
	"dalp_workflow", "run_data", 6,
	{"run_id", "input", "tags", "idempotency_key", "started_by", "traceparent"}
};

const TableName branch_table = {
	"dalp_workflow", "branch", 15,
	{"run_id", "branch_id", "state", "entry", "entered_at", "attempt", "retries",
	"transient", "last_seq", "data_seq", "children_started", "children_open",
	"children_failed", "outcome", "parent_branch"}
};

const TableName journal_table = {
	"dalp_workflow", "journal", 16,
	{"run_id", "branch_id", "seq", "event", "state", "entry", "attempt",
	"entered_at", "at", "input_seq", "output", "variables", "error",
	"cause", "details", "worker"}
};

const TableName ready_table = {
	"dalp_workflow", "ready", 7,
	{"shard", "rank", "pass", "run_id", "branch_id", "kind", "entry"}
};

const TableName timer_table = {
	"dalp_workflow", "timer", 6,
	{"shard", "fire_at", "run_id", "branch_id", "kind", "entry"}
};

const TableName run_done_table = {
	"dalp_workflow", "run_done", 18,
	{"run_id", "definition_id", "status", "priority", "concurrency_key", "parent_run_id",
	"parent_branch", "state", "started_at", "finished_at", "redrives", "output", "error",
	"cause", "last_seq", "data_seq", "entry", "compensated"}
};

const TableName wait_table = {
	"dalp_workflow", "wait", 6, {"run_id", "branch_id", "kind", "name", "reference", "since"}
};

const TableName inbox_table = {
	"dalp_workflow", "inbox", 2, {"run_id", "kind"}
};

const TableName signal_key_table = {
	"dalp_workflow", "signal_key", 1, {"run_id"}
};

const TableName parked_table = {
	"dalp_workflow", "parked", 7, {"run_id", "branch_id", "kind", "entry", "reason", "reference", "since"}
};

const TableName workflow_table = {
	"dalp_workflow", "workflow", 6,
	{"workflow_id", "name", "owner", "paused", "max_running", "rate_per_second"}
};

const TableName definition_table = {
	"dalp_workflow", "definition", 3, {"definition_id", "workflow_id", "version"}
};

const TableName idempotency_table = {
	"dalp_workflow", "idempotency", 5,
	{"scope", "key", "fingerprint", "run_id", "created_at"}
};
