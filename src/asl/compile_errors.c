/*
 * compile_errors.c
 *		Retry and Catch of a definition.
 */
#include "asl/plan.h"

#define MAX_ATTEMPTS INT64_C(99999999)

static const char *const known_errors[] = {
	"States.ALL", "States.BranchFailed", "States.DataLimitExceeded", "States.ExceedToleratedFailureThreshold",
	"States.HeartbeatTimeout", "States.Http.Socket", "States.IntrinsicFailure", "States.ItemReaderFailed",
	"States.NoChoiceMatched", "States.ParameterPathFailure", "States.Permissions", "States.ResultPathMatchFailure",
	"States.ResultWriterFailed", "States.Runtime", "States.TaskFailed", "States.Timeout",
};

static void
check_reserved(Compiler *compiler, const char *name, const Where *where, uint32_t index)
{
	Where		here = {where, NULL, index};

	if (strcmp(name, ERROR_RUNTIME) == 0)
		find_warning(compiler->findings, &here, NULL, "States.Runtime is neither retried nor caught, whoever names it");
	if (strncmp(name, "States.", 7) != 0)
		return;
	for (size_t i = 0; i < lengthof(known_errors); i++)
		if (strcmp(name, known_errors[i]) == 0)
			return;
	find_warning(compiler->findings, &here, NULL, "names that begin with \"States.\" are reserved, and \"%s\" never occurs", name);
}

static void
compile_names(Compiler *compiler, const Doc *source, const Where *where, bool last, ErrorNames *errors)
{
	const Doc  *value = doc_get(source, "ErrorEquals");
	Where		here = {where, "ErrorEquals", 0};

	if (!doc_is(value, DOC_ARRAY) || value->length == 0)
	{
		find_error(compiler->findings, where, value == NULL ? NULL : "ErrorEquals",
				   value == NULL ? "needs ErrorEquals" : "must be an array of at least one error name");
		return;
	}
	errors->names = mem_alloc(value->length * sizeof(char *));
	for (uint32_t i = 0; i < value->length; i++)
	{
		Where		item = {&here, NULL, i};

		if (value->items[i]->kind != DOC_STRING)
		{
			find_error(compiler->findings, &item, NULL, "must be text");
			continue;
		}
		errors->names[errors->count++] = value->items[i]->text;
		check_reserved(compiler, value->items[i]->text, &here, i);
		if (!doc_is_text(value->items[i], ERROR_ALL))
			continue;
		if (value->length > 1)
			find_error(compiler->findings, &item, NULL, "States.ALL must be alone in its ErrorEquals");
		if (!last)
			find_error(compiler->findings, &item, NULL, "States.ALL must be in the last entry only");
	}
}

static void
compile_retrier(Compiler *compiler, const Doc *source, const Where *where, bool last, Retrier *retrier)
{
	static const char *const known[] = {
		"ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy", "Comment", NULL
	};
	const Doc  *rate = doc_get(source, "BackoffRate");
	const char *jitter;

	retrier->interval = 1;
	retrier->max_attempts = 3;
	retrier->backoff_rate = 2.0;
	if (source->kind != DOC_OBJECT)
	{
		find_error(compiler->findings, where, NULL, "must be an object");
		return;
	}
	fields_known(compiler, source, where, known, "a retrier");
	compile_names(compiler, source, where, last, &retrier->errors);
	field_integer(compiler, source, "IntervalSeconds", where, 1, MAX_SECONDS, &retrier->interval);
	field_integer(compiler, source, "MaxAttempts", where, 0, MAX_ATTEMPTS, &retrier->max_attempts);
	if (field_integer(compiler, source, "MaxDelaySeconds", where, 1, 31622399, &retrier->max_delay) &&
		retrier->max_delay <= retrier->interval)
		find_error(compiler->findings, where, "MaxDelaySeconds", "must be greater than IntervalSeconds");
	if (rate != NULL)
	{
		if (rate->kind != DOC_NUMBER || doc_compare_numbers(rate, doc_int(1)) < 0)
			find_error(compiler->findings, where, "BackoffRate", "must be a number from 1.0 on");
		else
			retrier->backoff_rate = doc_to_double(rate);
	}
	jitter = field_text(compiler, source, "JitterStrategy", where);
	if (jitter != NULL && strcmp(jitter, "FULL") != 0 && strcmp(jitter, "NONE") != 0)
		find_error(compiler->findings, where, "JitterStrategy", "must be FULL or NONE");
	retrier->full_jitter = jitter != NULL && strcmp(jitter, "FULL") == 0;
}

/* The array at a key, or NULL and a finding where it is none. */
static const Doc *
entries(Compiler *compiler, const AslState *state, const char *key, const Where *where)
{
	const Doc  *value = doc_get(state->source, key);

	if (value == NULL || value->kind == DOC_ARRAY)
		return value;
	find_error(compiler->findings, where, key, "must be an array");
	return NULL;
}

void
compile_retry(Compiler *compiler, AslState *state, const Where *where)
{
	const Doc  *value = entries(compiler, state, "Retry", where);
	Where		here = {where, "Retry", 0};

	if (value == NULL || value->length == 0)
		return;
	if (value->length > ASL_MAX_RETRIERS)
	{
		find_error(compiler->findings, where, "Retry", "must have at most %d entries", ASL_MAX_RETRIERS);
		return;
	}
	state->retriers = mem_alloc_zero(value->length * sizeof(Retrier));
	state->retrier_count = value->length;
	for (uint32_t i = 0; i < value->length; i++)
	{
		Where		item = {&here, NULL, i};

		compile_retrier(compiler, value->items[i], &item, i + 1 == value->length, &state->retriers[i]);
	}
}

void
compile_catch(Compiler *compiler, AslState *state, const Where *where)
{
	static const char *const known[] = {"ErrorEquals", "Next", "ResultPath", "Assign", "Comment", NULL};
	const Doc  *value = entries(compiler, state, "Catch", where);
	Where		here = {where, "Catch", 0};

	if (value == NULL || value->length == 0)
		return;
	state->catchers = mem_alloc_zero(value->length * sizeof(Catcher));
	state->catcher_count = value->length;
	for (uint32_t i = 0; i < value->length; i++)
	{
		Where		item = {&here, NULL, i};
		const Doc  *source = value->items[i];
		Catcher    *catcher = &state->catchers[i];

		if (source->kind != DOC_OBJECT)
		{
			find_error(compiler->findings, &item, NULL, "must be an object");
			continue;
		}
		fields_known(compiler, source, &item, known, "a catcher");
		compile_names(compiler, source, &item, i + 1 == value->length, &catcher->errors);
		catcher->next_name = field_text(compiler, source, "Next", &item);
		if (doc_get(source, "Next") == NULL)
			find_error(compiler->findings, &item, NULL, "needs Next");
		field_reference(compiler, source, "ResultPath", &item, &catcher->result_path);
		catcher->assign = field_assign(compiler, source, &item);
	}
}
