/*
 * why.c
 *		The words for what a run waits for.
 *
 * Decides nothing and reads nothing: facts in, words out.  What somebody can do
 * is given as SQL to copy; what is worth knowing besides follows as a comment.
 */
#include "compat.h"

#include "utils/builtins.h"

#include "workflow/why.h"

#define SAYS(kind_name) (strcmp(reason->kind, kind_name) == 0)

/* Any number but one. */
static const char *
plural(int64 amount)
{
	return amount == 1 ? "" : "s";
}

/* "3", or "more than 1000". */
static const char *
counted(int64 amount)
{
	return amount > WHY_MAX_COUNTED ? psprintf("more than %d", WHY_MAX_COUNTED) : psprintf(INT64_FORMAT, amount);
}

static const char *
or_unknown(const char *text)
{
	return text != NULL ? text : "unknown";
}

/* Names that users chose, behind "--": a line of their own would be SQL to whoever copies it. */
static const char *
commented(const char *text)
{
	char	   *line = pstrdup(or_unknown(text));

	for (char *c = line; *c != '\0'; c++)
		if ((unsigned char) *c < ' ' || *c == 0x7f)
			*c = ' ';
	return line;
}

/* What a message ends. */
static bool
explain_message(const WhyRun *run, const WhyReason *reason, WhyWords *words)
{
	if (SAYS("signal"))
	{
		words->waits_for = psprintf("signal \"%s\"", reason->name);
		if (reason->amount > 0)
			words->what_next = "it has been sent; the run takes it as soon as it goes on";
		else
			words->what_next = psprintf("SELECT dalp.signal(" INT64_FORMAT ", %s);%s%s", run->run_id,
										quote_literal_cstr(reason->name),
										reason->detail != NULL ? " -- kept, but of another name: " : "",
										reason->detail != NULL ? commented(reason->detail) : "");
	}
	else if (SAYS("transaction"))
	{
		words->waits_for = psprintf("the end of transaction " INT64_FORMAT, reason->reference);
		words->what_next = psprintf("SELECT * FROM dalp.transactions WHERE transaction_id = " INT64_FORMAT "; -- it is %s",
									reason->reference, or_unknown(reason->detail));
	}
	else if (SAYS("run"))
	{
		words->waits_for = psprintf("the end of run " INT64_FORMAT, reason->reference);
		words->what_next = psprintf("SELECT * FROM dalp.why(" INT64_FORMAT "); -- it is %s",
									reason->reference, or_unknown(reason->detail));
	}
	else if (SAYS("branches"))
	{
		words->waits_for = psprintf(INT64_FORMAT " of its branches", reason->amount);
		words->what_next = "the rows of the branches say what they wait for";
	}
	else if (SAYS("compensation"))
	{
		words->waits_for = "the compensations of what it had completed";
		words->what_next = psprintf("compensating: one branch a compensation, the last completed state first; then it ends as %s",
									or_unknown(reason->name));
	}
	else if (SAYS("call"))
	{
		bool		chain = reason->name != NULL && strncmp(reason->name, "chain ", 6) == 0;

		words->waits_for = psprintf("the answer of %s", or_unknown(reason->name));
		words->what_next = chain ? "the broadcaster asks one of the chain's endpoints; SELECT * FROM dalp.endpoints;" :
			"the broadcaster makes the request, and repeats it with the same key after a crash";
	}
	else if (SAYS("task"))
	{
		words->waits_for = psprintf("a worker of queue \"%s\"", or_unknown(reason->name));
		words->what_next = reason->detail != NULL ?
			psprintf("worker \"%s\" has the task, and completes or fails it or is lost", reason->detail) :
			"a worker claims the task, and completes or fails it";
	}
	else if (SAYS("token"))
	{
		words->waits_for = "whoever has its task token";
		words->what_next = "dalp.complete_task or dalp.fail_task is called with the token";
	}
	else
		return false;
	return true;
}

/* What ends by itself. */
static bool
explain_time(const WhyReason *reason, WhyWords *words)
{
	if (SAYS("start"))
	{
		words->waits_for = "its start";
		words->what_next = "it starts by itself";
	}
	else if (SAYS("sleep"))
	{
		words->waits_for = "the end of a Wait";
		words->what_next = "it goes on by itself";
	}
	else if (SAYS("retry"))
	{
		words->waits_for = "its next attempt";
		words->what_next = psprintf("it is tried again by itself; so far " INT64_FORMAT " retr%s, the last error was %s",
									reason->amount, reason->amount == 1 ? "y" : "ies", or_unknown(reason->detail));
	}
	else if (SAYS("ready"))
	{
		words->waits_for = "an executor";
		if (reason->detail != NULL)
			words->what_next = psprintf("no executor is at work here; the row of kind \"%s\" says why", reason->detail);
		else if (!reason->current)
			words->what_next = "no executor is running in this database; SELECT * FROM dalp.workers;";
		else
			words->what_next = psprintf("an executor takes it; before its run: %s ready row%s of others",
										counted(reason->amount), plural(reason->amount));
	}
	else
		return false;
	return true;
}

/* What holds back a branch that could go on. */
static bool
explain_hold(const WhyRun *run, const WhyReason *reason, WhyWords *words)
{
	if (SAYS("run_paused") || SAYS("workflow_paused"))
	{
		bool		all = SAYS("workflow_paused");

		words->waits_for = all ? psprintf("an operator: workflow \"%s\" is paused", run->workflow) :
			"an operator: the run is paused";
		if (!reason->current)
			words->what_next = "the pause is over; the scheduler lets it go on at its next look";
		else
			words->what_next = psprintf("SELECT dalp.resume(%s); -- paused by %s",
										all ? quote_literal_cstr(run->workflow) : psprintf(INT64_FORMAT, run->run_id),
										commented(reason->detail));
	}
	else if (SAYS("tenant_paused"))
	{
		words->waits_for = psprintf("an operator: tenant \"%s\" is paused", or_unknown(reason->name));
		words->what_next = psprintf("SELECT dalp.resume_tenant(%s);", quote_literal_cstr(or_unknown(reason->name)));
	}
	else if (SAYS("concurrency_key"))
	{
		words->waits_for = psprintf("concurrency key \"%s\"", or_unknown(reason->name));
		if (reason->reference == 0)
			words->what_next = "nobody has the key; the scheduler lets a run go on at its next look";
		else
			words->what_next = psprintf("SELECT * FROM dalp.why(" INT64_FORMAT "); -- that run has the key; before this one: %s other run%s",
										reason->reference, counted(reason->amount), plural(reason->amount));
	}
	else if (SAYS("limit"))
	{
		words->waits_for = psprintf("a limit of workflow \"%s\"", run->workflow);
		words->what_next = "another run of the workflow ends, or an operator raises the limit";
	}
	else
		return false;
	return true;
}

/* What holds back all runs. */
static bool
explain_place(const WhyReason *reason, WhyWords *words)
{
	if (SAYS("standby"))
	{
		words->waits_for = "the primary";
		words->what_next = "this server is a standby: the primary goes on with the run, or this server once it is promoted";
	}
	else if (SAYS("reconciling"))
	{
		words->waits_for = "an operator: the state of this database was brought from elsewhere";
		words->what_next = "SELECT dalp.adopt_instance('note'); -- when it is complete and the original is not at work any more";
	}
	else
		return false;
	return true;
}

static void
explain_rest(const WhyRun *run, const WhyReason *reason, WhyWords *words)
{
	words->waits_for = "nothing";
	if (SAYS("dead_letter"))
	{
		words->waits_for = "an operator: it failed";
		words->what_next = psprintf("SELECT dalp.redrive(" INT64_FORMAT "); -- failed with %s",
									reason->reference, commented(reason->name));
	}
	else if (run->status == NULL)
		words->what_next = "nothing of it waits; the scheduler finds such runs and lets them go on";
	else if (strcmp(run->status, "SUCCEEDED") == 0 || strcmp(run->status, "ABORTED") == 0)
		words->what_next = psprintf("it has ended: %s", run->status);
	else if (run->parent_run_id != 0)
		words->what_next = psprintf("it has ended: %s; run " INT64_FORMAT ", which started it, has the error",
									run->status, run->parent_run_id);
	else
		words->what_next = psprintf("it has ended: %s; its dead letter is settled", run->status);
}

void
why_explain(const WhyRun *run, const WhyReason *reason, WhyWords *words)
{
	if (!explain_message(run, reason, words) && !explain_time(reason, words) && !explain_hold(run, reason, words) &&
		!explain_place(reason, words))
		explain_rest(run, reason, words);
}

WhyReason *
why_of_place(bool is_standby, bool is_reconciling)
{
	WhyReason  *reason;

	if (!is_standby && !is_reconciling)
		return NULL;
	reason = palloc0(sizeof(WhyReason));
	reason->kind = is_standby ? "standby" : "reconciling";
	reason->current = true;
	return reason;
}

WhyReason *
why_at_rest(const WhyRun *run)
{
	WhyReason  *reason = palloc0(sizeof(WhyReason));

	reason->kind = run->status == NULL ? "none" : run->dead_letter != 0 ? "dead_letter" : "ended";
	reason->name = run->dead_letter != 0 && run->error != NULL ? run->error : run->status;
	reason->reference = run->dead_letter;
	reason->since = run->finished_at;
	return reason;
}
