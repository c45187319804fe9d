/*
 * fork.c
 *		The branches of Parallel and Map, as durable branches of the run.
 *
 * In an executor, in the transaction of a batch, the run locked.  Each branch
 * is a row of its own that is stepped like any other; its parent waits.  How
 * many are open is a counter in the parent's row, so that ten thousand items
 * cost no more than ten thousand steps.  When the last one ends, or one fails
 * beyond what is tolerated, the parent goes on in the same transaction.
 */
#include "compat.h"

#include "core/clock.h"
#include "core/document_jsonb.h"
#include "core/settings.h"
#include "workflow/compensate.h"
#include "workflow/fork_store.h"
#include "workflow/step.h"

/* Details of a Map item for $$.Map.Item, or those of the iteration around it. */
static Jsonb *
item_details(const Step *step, const AslDecision *decision, int index)
{
	Problem		problem = {0};
	Doc		   *details;
	Jsonb	   *result;

	if (decision->items == NULL)
		return step->item;
	details = doc_object();
	doc_object_add(details, "index", doc_int(index));
	doc_object_add(details, "value", decision->items->items[index]);
	result = doc_to_jsonb(details, &problem);
	if (result == NULL)
		elog(ERROR, "item %d can't be kept: %s", index, problem.message);
	return result;
}

static int
fork_size(const Step *step, const AslDecision *decision)
{
	return decision->items != NULL ? (int) decision->items->length : asl_branch_count(step->state);
}

/*
 * Starts branches first .. first + count - 1. Returns false where an item's
 * input can't be made, or there would be too many: then *failure is the
 * decision about the parent.
 */
static bool
start_children(Step *step, const AslDecision *decision, int first, int count, AslDecision *failure)
{
	const AslPosition *position = step_position(step);
	AslPosition inside = *position;
	AslContext	context = *position->context;
	Problem		problem = {0};
	int			branch_id = fork_store_take_branches(step->run_id, count);
	Jsonb	   *shared = decision->items == NULL ? doc_to_jsonb(decision->output, &problem) : NULL;

	if (branch_id + count - 1 > dalp_max_history)
	{
		*failure = (AslDecision) {
			.action = ASL_FAILURE, .error = HISTORY_ERROR,
			.cause = psprintf("The run needs more than %d branches; dalp.max_history is %d.", dalp_max_history, dalp_max_history)
		};
		return false;
	}
	inside.context = &context;
	for (int i = 0; i < count; i++)
	{
		int			index = first + i;
		const AslMachine *machine = asl_branch(step->state, decision->items != NULL ? 0 : index);
		const Doc  *input_document;
		Jsonb	   *input = shared;

		if (decision->items != NULL)
		{
			context.map_item_value = decision->items->items[index];
			context.map_item_index = index;
			if (!asl_item_input(&inside, &input_document, failure))
			{
				fork_drop_children();
				return false;
			}
			input = doc_to_jsonb(input_document, &problem);
		}
		if (input == NULL)
			elog(ERROR, "input of branch %d can't be kept: %s", index, problem.message);
		fork_note_child(step, branch_id + i, index, asl_state_name(asl_start(machine)), input,
						item_details(step, decision, index));
	}
	fork_flush_children();
	step->children_started += count;
	step->children_open += count;
	return true;
}

/* How many may be started now. */
static int
room(const Step *step, const AslDecision *decision)
{
	int			left = fork_size(step, decision) - step->children_started;

	if (decision->max_concurrency > 0)
		left = Min(left, decision->max_concurrency - step->children_open);
	return Max(left, 0);
}

ForkStart
fork_start(Step *step, const AslDecision *decision, BatchWrites *writes, AslDecision *failure)
{
	TimestampTz now = clock_now();

	step->children_started = step->children_open = step->children_failed = 0;
	if (fork_size(step, decision) == 0)
		return FORK_EMPTY;
	if (!start_children(step, decision, 0, room(step, decision), failure))
		return FORK_FAILED;
	if (!step->entered_logged)
		batch_journal(writes, step, "entered", now, NULL, NULL, NULL, NULL, NULL);
	batch_wait(writes, step, "branches", NULL, 0, now);
	return FORK_STARTED;
}

bool
fork_may_share_batch(const Step *step)
{
	const char *resource = asl_task_resource(step->state);

	return step->kind == READY_STEP &&
		(resource == NULL || strncmp(resource, "sql:", 4) == 0 || strncmp(resource, "activity:", 9) == 0);
}

/* What the branches below the parent wait for isn't wanted any more. */
static void
abandon_children(const Step *parent, const char *reason)
{
	RunWait   *waits;
	int			count = fork_store_waits(parent->run_id, parent->branch_id, &waits);

	task_abandon_waits(parent, waits, count, reason);
}

/* The outputs of those that succeeded, in order. */
static const Doc *
collect_results(const Step *parent)
{
	Jsonb	  **outputs;
	int			count = fork_store_outputs(parent->run_id, parent->branch_id, &outputs);
	Doc		   *results = doc_array();

	for (int i = 0; i < count; i++)
		doc_array_add(results, doc_from_jsonb(outputs[i]));
	return results;
}

/* The Parallel or Map has its result; its branches are gone. */
static void
join_fork(Step *parent, BatchWrites *writes)
{
	const Doc  *result = collect_results(parent);

	fork_store_delete(parent->run_id, parent->branch_id);
	parent->children_started = parent->children_open = parent->children_failed = 0;
	step_end_fork(parent, writes, result, NULL);
}

/*
 * The Parallel or Map has failed, with this decision about it.  Where that is
 * retried or caught its branches are gone; else they are kept, because a
 * redrive of the run goes on with them.
 */
static void
fail_fork(Step *parent, BatchWrites *writes, const AslDecision *decision)
{
	/* Branches further in may have gone on in this round. */
	batch_flush(writes);
	abandon_children(parent, "another branch of the same state failed");
	if (decision->action == ASL_FAILURE)
	{
		fork_store_suspend(parent->run_id, parent->branch_id);
		parent->children_open = parent->children_failed = 0;
	}
	else
	{
		fork_store_delete(parent->run_id, parent->branch_id);
		parent->children_started = parent->children_open = parent->children_failed = 0;
	}
	step_end_fork(parent, writes, NULL, decision);
}

/* Branches of the parent ended: start further ones, join, or fail. */
static void
settle(const ForkEnd *end, BatchWrites *writes, bool nested)
{
	Step	   *parent = memcpy(palloc(sizeof(Step)), end->child, sizeof(Step));
	AslDecision decision = {0};
	AslDecision failure = {0};

	/* Its state has failed, further out, before this was looked at. */
	if (nested && !fork_store_has_branch(parent->run_id, parent->branch_id))
		return;
	parent->branch_id = end->fork_parent;
	parent->kind = READY_DELIVER;
	parent->finished = parent->stays_ready = false;
	parent->culprit = NULL;
	if (!claim_position(parent, NULL))
		return;					/* went with the failure of a state further out */
	if (parent->compensating)
	{
		compensate_settle(parent, writes);
		return;
	}
	parent->children_open -= end->succeeded + end->failed;
	parent->children_failed += end->failed;

	/* What it started with, again: nothing that it depends on has changed. */
	asl_enter(step_position(parent), &decision);
	if (decision.action != ASL_FORK)
		elog(ERROR, "state \"%s\" of run " INT64_FORMAT " has lost its branches",
			 asl_state_name(parent->state), parent->run_id);

	if (parent->children_failed > 0 && parent->children_failed > decision.tolerated_failures)
	{
		AslError	error = {.error = end->error, .cause = end->cause, .from_task = true};

		if (decision.tolerated_failures >= 0)
			error = (AslError) {.error = "States.ExceedToleratedFailureThreshold"};
		else
			parent->culprit = end->culprit;
		asl_error(step_position(parent), &error, &failure);
		fail_fork(parent, writes, &failure);
	}
	else if (room(parent, &decision) > 0 &&
			 !start_children(parent, &decision, parent->children_started, room(parent, &decision), &failure))
		fail_fork(parent, writes, &failure);
	else if (parent->children_open == 0)
		join_fork(parent, writes);
	else
		batch_position(writes, parent);
}

void
fork_settle(BatchWrites *writes)
{
	bool		nested = false;

	while (writes->forks != NIL)
	{
		List	   *forks = writes->forks;
		ListCell   *cell;

		writes->forks = NIL;
		foreach(cell, forks)
			settle(lfirst(cell), writes, nested);
		batch_flush(writes);
		nested = true;
	}
}
