/*
 * retry.c
 *		A state has failed: the first retrier that matches, then the catchers.
 */
#include "asl/plan.h"

/* The longest delay, in seconds (about 31 years): far beyond any use, far below overflow. */
#define MAX_DELAY 1e9

/* Attempts that the counters of a position can hold. */
#define MAX_COUNTED UINT16_MAX

static bool
is_named(const AslError *error, const char *name)
{
	if (error->error != NULL && strcmp(error->error, name) == 0)
		return true;
	for (size_t i = 0; i < lengthof(error->aliases) && error->aliases[i] != NULL; i++)
		if (strcmp(error->aliases[i], name) == 0)
			return true;
	return false;
}

static bool
is_timeout(const AslError *error)
{
	return is_named(error, ERROR_TIMEOUT) || is_named(error, ERROR_HEARTBEAT);
}

/* Whether one of the names stands for the error; *heartbeat: it is States.HeartbeatTimeout that does. */
static bool
matches(const ErrorNames *names, const AslError *error, bool *heartbeat)
{
	*heartbeat = false;
	for (uint32_t i = 0; i < names->count; i++)
	{
		const char *name = names->names[i];

		if (strcmp(name, ERROR_ALL) == 0)
		{
			/* Exceeding a limit is terminal for a wildcard; it can be caught by its name only. */
			if (!is_named(error, ERROR_DATA_LIMIT))
				return true;
		}
		else if (strcmp(name, ERROR_TASK_FAILED) == 0)
		{
			if (is_named(error, ERROR_TASK_FAILED) ||
				(error->from_task && error->error != NULL && !is_timeout(error)))
				return true;
		}
		else if (is_named(error, name))
		{
			*heartbeat = strcmp(name, ERROR_HEARTBEAT) == 0;
			return true;
		}
		else if (strcmp(name, ERROR_TIMEOUT) == 0 && is_timeout(error))
			return true;
	}
	return false;
}

static int64_t
retry_delay(const Retrier *retrier, uint16_t used, double random)
{
	double		seconds = (double) retrier->interval;

	for (uint16_t i = 0; i < used && seconds < MAX_DELAY; i++)
	{
		double		next = seconds * retrier->backoff_rate;

		/* A rate of 1 never ends the loop early by growing. */
		if (next <= seconds)
			break;
		seconds = next;
	}
	if (retrier->max_delay > 0 && seconds > (double) retrier->max_delay)
		seconds = (double) retrier->max_delay;
	if (seconds > MAX_DELAY)
		seconds = MAX_DELAY;
	if (retrier->full_jitter)
		seconds *= random;
	return (int64_t) (seconds * 1000000.0);
}

/* Whether the error is retried; the first retrier that matches decides. */
static bool
decide_retry(const AslPosition *position, const AslError *error, AslDecision *decision)
{
	const AslState *state = position->state;

	for (uint32_t i = 0; i < state->retrier_count; i++)
	{
		const Retrier *retrier = &state->retriers[i];
		bool		heartbeat;

		if (!matches(&retrier->errors, error, &heartbeat))
			continue;
		if (position->retries[i] >= retrier->max_attempts || position->retries[i] == MAX_COUNTED)
			return false;
		decision->action = ASL_RETRY;
		decision->retrier = (int) i;
		decision->delay = retry_delay(retrier, position->retries[i], position->random);
		decision->variables = position->variables;
		return true;
	}
	return false;
}

static const Doc *
error_output(const char *error, const char *cause)
{
	Doc		   *output = doc_object();

	doc_object_add(output, "Error", error == NULL ? doc_null() : doc_text(error));
	doc_object_add(output, "Cause", cause == NULL ? doc_null() : doc_text(cause));
	return output;
}

/* Whether a catcher takes the error. What fails inside a catcher is final. */
static bool
decide_catch(const AslPosition *position, const AslError *error, AslDecision *decision)
{
	const AslState *state = position->state;

	for (uint32_t i = 0; i < state->catcher_count; i++)
	{
		const Catcher *catcher = &state->catchers[i];
		const Doc  *output;
		const Doc  *value;
		const Doc  *variables = position->variables;
		AslScope	scope;
		bool		heartbeat;

		if (!matches(&catcher->errors, error, &heartbeat))
			continue;
		decision->error = heartbeat ? ERROR_HEARTBEAT : decision->error;
		output = error_output(decision->error, error->cause);
		scope_init(&scope, position, output);
		if (catcher->assign != NULL)
			variables = template_assign(catcher->assign, &scope);
		value = catcher->result_path.is_null ? position->input
			: catcher->result_path.path == NULL ? output
			: path_write(catcher->result_path.path, position->input, output, &scope);
		if (value != NULL && value != position->input)
			value = scope_limit(&scope, value, "the output of its catcher");
		if (scope.error != NULL)
		{
			decision->error = scope.error;
			decision->cause = scope.cause;
			return false;
		}
		decision->action = ASL_GO;
		decision->next = catcher->next;
		decision->output = value;
		decision->variables = variables;
		decision->caught = true;
		return true;
	}
	return false;
}

void
asl_error(const AslPosition *position, const AslError *error, AslDecision *decision)
{
	memset(decision, 0, sizeof(*decision));
	decision->tolerated_failures = -1;
	decision->action = ASL_FAILURE;
	/* A missing heartbeat is known by its own name only to a catcher that names it. */
	decision->error = error->error != NULL && strcmp(error->error, ERROR_HEARTBEAT) == 0 ? ERROR_TIMEOUT : error->error;
	decision->cause = error->cause;
	if (error->error != NULL && strcmp(error->error, ERROR_RUNTIME) == 0)
		return;
	if (!error->permanent && decide_retry(position, error, decision))
		return;
	decide_catch(position, error, decision);
}
