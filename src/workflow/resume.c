/*
 * resume.c
 *		A redrive goes on inside Parallel and Map.
 *
 * In an operator's backend, the run live again and locked.  The branches of a
 * state that failed were kept (fork_store_suspend): those that had succeeded
 * keep their outputs and are not run again; those that failed, and those that
 * were aborted for it, start again at the state that they stood in.  States
 * around them wait as before.  A Map that tolerates failures keeps the failed
 * items of one that had not failed itself.
 */
#include "compat.h"

#include "chain/chain.h"
#include "core/clock.h"
#include "core/errors.h"
#include "core/wake.h"
#include "workflow/message.h"
#include "workflow/patch.h"
#include "workflow/resume.h"

typedef struct Resume
{
	Step	   *run;
	BatchWrites *writes;
	SuspendedBranch *branches;	/* by parent, then number */
	int			count;
	int64		delay;			/* microseconds until they start */
	SuspendedBranch *failed;	/* the one that failed; the last of several */
	int			failures;
	bool		patched;
} Resume;

/* The step as it will stand, for the journal and the queue. */
static Step *
as_step(const Resume *resume, const SuspendedBranch *branch)
{
	Step	   *step = memcpy(palloc(sizeof(Step)), resume->run, sizeof(Step));

	step->branch_id = branch->branch_id;
	step->state = branch->state;
	step->entry = branch->entry;
	step->attempt = 0;
	step->last_seq = branch->last_seq;
	step->data_seq = branch->data_seq;
	step->entered_logged = true;
	return step;
}

static bool
is_fork(const AslState *state)
{
	return asl_state_type(state) == ASL_PARALLEL || asl_state_type(state) == ASL_MAP;
}

/* The first of the branches whose parent is this one; *count = how many. */
static SuspendedBranch *
children_of(const Resume *resume, int parent_branch, int *count)
{
	int			low = 0,
				high = resume->count;
	int			end;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (resume->branches[middle].parent_branch < parent_branch)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < resume->count && resume->branches[end].parent_branch == parent_branch; end++)
		;
	*count = end - low;
	return resume->branches + low;
}

bool
resume_with_result(const Step *step, BatchWrites *writes)
{
	const char *resource = asl_task_resource(step->state);
	Jsonb	   *result;
	int64		request_id;

	if (resource == NULL || strcmp(resource, "chain:transaction") != 0)
		return false;
	request_id = chain_completed_for_run(task_key(step), &result);
	if (request_id == 0)
		return false;
	batch_wait(writes, step, "transaction", NULL, request_id, clock_now());
	message_send_transaction_end(request_id, step->run_id, step->branch_id, result, NULL, NULL);
	return true;
}

void
resume_step(const Step *step, BatchWrites *writes, int64 delay)
{
	if (delay > 0)
		batch_timer(writes, step, "retry", clock_now() + delay);
	else
	{
		batch_ready_new(writes, step, READY_STEP, 0);
		wake_shard_at_commit(run_shard(step->run_id));
	}
}

/* It starts again at its state; or goes on at once, where what it waited for has happened meanwhile. */
static void
restart(Resume *resume, SuspendedBranch *branch)
{
	Step	   *step = as_step(resume, branch);
	bool		has_result = !(resume->patched && branch->outcome == BRANCH_FAILED) &&
		resume_with_result(step, resume->writes);

	if (!has_result)
		step->entry++;
	batch_journal(resume->writes, step, "redriven", clock_now(), NULL, NULL, NULL, NULL, NULL);
	branch->entry = step->entry;
	branch->last_seq = step->last_seq;
	if (!has_result)
		resume_step(step, resume->writes, resume->delay);
}

/*
 * Branches below a Parallel or Map; failed: it had failed itself.  Returns how
 * many go on; *kept_failed = how many stay failed.
 */
static int
resume_below(Resume *resume, int parent_branch, bool failed, int *kept_failed)
{
	int			count;
	SuspendedBranch *children = children_of(resume, parent_branch, &count);
	int			open = 0;

	check_stack_depth();
	*kept_failed = 0;
	for (int i = 0; i < count; i++)
	{
		SuspendedBranch *child = &children[i];
		int			inside;

		child->moves = true;
		if (child->outcome == BRANCH_SUCCEEDED)
			continue;
		if (child->outcome == BRANCH_FAILED && !failed)
		{
			(*kept_failed)++;
			continue;
		}
		open++;
		(void) children_of(resume, child->branch_id, &inside);
		if (is_fork(child->state) && inside > 0)
		{
			child->children_open = resume_below(resume, child->branch_id, child->outcome == BRANCH_FAILED,
												&child->children_failed);
			batch_wait(resume->writes, as_step(resume, child), "branches", NULL, 0, clock_now());
			child->children_started = inside;
			child->waits = true;
		}
		else
		{
			if (child->outcome == BRANCH_FAILED)
			{
				resume->failed = child;
				resume->failures++;
			}
			restart(resume, child);
		}
		child->outcome = BRANCH_OPEN;
	}
	return open;
}

/* The input of the one that failed, edited. */
static void
patch_failed(Resume *resume, Jsonb *patch)
{
	SuspendedBranch *branch = resume->failed;
	Step	   *step;
	Jsonb	   *variables;
	Jsonb	   *input;

	if (resume->failures != 1)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("run " INT64_FORMAT " can't be redriven with a patch", resume->run->run_id),
				 errdetail("%d branches of it have failed, and each has an input of its own.", resume->failures),
				 errhint("Redrive it without a patch.")));
	input = resume_store_input(resume->run->run_id, branch->branch_id, branch->data_seq, &variables);
	step = as_step(resume, branch);
	batch_journal(resume->writes, step, "patched", clock_now(), patch_apply(input, patch), variables, NULL, NULL, patch);
	branch->last_seq = branch->data_seq = step->last_seq;
}

/* Those that wait for nothing that is left: all of their branches had ended, or the next one couldn't start. */
static void
settle_complete(Resume *resume)
{
	for (int i = -1; i < resume->count; i++)
	{
		const SuspendedBranch *branch = i < 0 ? NULL : &resume->branches[i];
		ForkEnd    *end;

		if (branch ? !branch->waits || branch->children_open > 0 : resume->run->children_open > 0)
			continue;
		end = palloc0(sizeof(ForkEnd));
		end->child = resume->run;
		end->fork_parent = branch ? branch->branch_id : 0;
		resume->writes->forks = lappend(resume->writes->forks, end);
	}
}

bool
fork_resume(Step *run, BatchWrites *writes, Jsonb *patch, int64 delay)
{
	Resume		resume = {.run = run, .writes = writes, .delay = delay, .patched = patch != NULL};

	resume.count = is_fork(run->state) ? resume_store_load(run, &resume.branches) : 0;
	if (resume.count == 0)
		return false;
	/* The state isn't entered again. */
	run->entry--;
	run->entered_logged = true;
	batch_journal(writes, run, "redriven", clock_now(), NULL, NULL, NULL, NULL, patch);
	(void) children_of(&resume, 0, &run->children_started);
	run->children_open = resume_below(&resume, 0, true, &run->children_failed);
	if (patch != NULL)
		patch_failed(&resume, patch);
	batch_position(writes, run);
	batch_wait(writes, run, "branches", NULL, 0, clock_now());
	resume_store_restore(run, resume.branches, resume.count);
	settle_complete(&resume);
	return true;
}
