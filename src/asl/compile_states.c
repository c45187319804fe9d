/*
 * compile_states.c
 *		The fields of each type of state.
 */
#include "asl/plan.h"

#include "asl/timestamp.h"

/* Largest MaxConcurrency and ToleratedFailureCount: they become int. */
#define MAX_COUNT INT64_C(2147483647)

static void
compile_pass(Compiler *compiler, AslState *state, const Where *where)
{
	state->result = doc_get(state->source, "Result");
	state->parameters = field_template(compiler, state->source, "Parameters", where);
}

static void
compile_task(Compiler *compiler, AslState *state, const Where *where)
{
	int64_t		timeout;
	int64_t		heartbeat;

	compile_resource(compiler, state, where);
	state->parameters = field_template(compiler, state->source, "Parameters", where);
	field_number(compiler, state->source, "TimeoutSeconds", where, 1, MAX_SECONDS, false, &state->timeout);
	field_number(compiler, state->source, "HeartbeatSeconds", where, 1, MAX_SECONDS, false, &state->heartbeat);
	if (state->timeout.literal != NULL && state->heartbeat.literal != NULL &&
		doc_to_int64(state->timeout.literal, &timeout) && doc_to_int64(state->heartbeat.literal, &heartbeat) &&
		heartbeat >= timeout)
		find_error(compiler->findings, where, "HeartbeatSeconds", "must be less than TimeoutSeconds");
	if (doc_get(state->source, "Credentials") != NULL)
		find_warning(compiler->findings, where, "Credentials", "has no effect: a handler runs with its workflow owner's rights");
	state->isolated = field_bool(compiler, state->source, "Isolated", where);
	state->compensate = field_text(compiler, state->source, "Compensate", where);
}

static void
compile_choice(Compiler *compiler, AslState *state, const Where *where)
{
	const Doc  *choices = doc_get(state->source, "Choices");
	Where		here = {where, "Choices", 0};

	state->next_name = field_text(compiler, state->source, "Default", where);
	if (!doc_is(choices, DOC_ARRAY) || choices->length == 0)
	{
		find_error(compiler->findings, where, choices == NULL ? NULL : "Choices",
				   choices == NULL ? "a Choice needs Choices" : "must be an array of at least one rule");
		return;
	}
	state->rules = mem_alloc_zero(choices->length * sizeof(ChoiceRule));
	state->rule_count = choices->length;
	for (uint32_t i = 0; i < choices->length; i++)
	{
		Where		item = {&here, NULL, i};
		const Doc  *source = choices->items[i];
		ChoiceRule *rule = &state->rules[i];

		rule->rule = rule_compile(source, &item, true, compiler->findings);
		if (source->kind != DOC_OBJECT)
			continue;
		rule->next_name = field_text(compiler, source, "Next", &item);
		if (doc_get(source, "Next") == NULL)
			find_error(compiler->findings, &item, NULL, "needs Next");
		rule->assign = field_assign(compiler, source, &item);
	}
}

static void
compile_wait(Compiler *compiler, AslState *state, const Where *where)
{
	static const char *const forms[] = {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"};
	const char *timestamp = field_text(compiler, state->source, "Timestamp", where);
	int			given = 0;
	Instant		time;

	for (size_t i = 0; i < lengthof(forms); i++)
		given += doc_get(state->source, forms[i]) != NULL;
	if (given != 1)
		find_error(compiler->findings, where, NULL,
				   "needs exactly one of Seconds, SecondsPath, Timestamp and TimestampPath");
	if (given <= 1 || doc_get(state->source, "SecondsPath") == NULL)
		field_number(compiler, state->source, "Seconds", where, 0, MAX_SECONDS, false, &state->seconds);
	state->timestamp_path = field_plain_path(compiler, state->source, "TimestampPath", where);
	if (timestamp == NULL)
		return;
	if (!timestamp_read(timestamp, strlen(timestamp), &time))
		find_error(compiler->findings, where, "Timestamp", "must be a timestamp like 2026-01-31T12:00:00Z");
	else
	{
		state->has_timestamp = true;
		state->timestamp = timestamp_microseconds(&time);
	}
}

static void
compile_fail(Compiler *compiler, AslState *state, const Where *where)
{
	field_text_or_path(compiler, state->source, "Error", where, &state->error);
	field_text_or_path(compiler, state->source, "Cause", where, &state->cause);
	if (state->error.literal != NULL && strncmp(state->error.literal, "States.", 7) == 0)
		find_warning(compiler->findings, where, "Error", "names that begin with \"States.\" are reserved");
}

static void
compile_parallel(Compiler *compiler, AslState *state, const Where *where)
{
	const Doc  *branches = doc_get(state->source, "Branches");
	Where		here = {where, "Branches", 0};

	state->parameters = field_template(compiler, state->source, "Parameters", where);
	if (!doc_is(branches, DOC_ARRAY) || branches->length == 0)
	{
		find_error(compiler->findings, where, branches == NULL ? NULL : "Branches",
				   branches == NULL ? "a Parallel needs Branches" : "must be an array of at least one branch");
		return;
	}
	state->branches = mem_alloc_zero(branches->length * sizeof(AslMachine *));
	for (uint32_t i = 0; i < branches->length; i++)
	{
		Where		item = {&here, NULL, i};

		state->branches[i] = compile_machine(compiler, branches->items[i], &item, state->machine, false);
	}
	state->branch_count = branches->length;
}

static void
compile_batcher(Compiler *compiler, AslState *state, const Where *where)
{
	static const char *const known[] = {
		"BatchInput", "MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath", "MaxItemsPerBatch", "MaxItemsPerBatchPath", NULL
	};
	const Doc  *source = doc_get(state->source, "ItemBatcher");
	Where		here = {where, "ItemBatcher", 0};
	Batcher    *batcher;

	if (source == NULL)
		return;
	if (source->kind != DOC_OBJECT)
	{
		find_error(compiler->findings, where, "ItemBatcher", "must be an object");
		return;
	}
	batcher = mem_alloc_zero(sizeof(Batcher));
	fields_known(compiler, source, &here, known, "ItemBatcher");
	field_number(compiler, source, "MaxItemsPerBatch", &here, 1, MAX_COUNT, false, &batcher->max_items);
	field_number(compiler, source, "MaxInputBytesPerBatch", &here, 1, 262144, false, &batcher->max_bytes);
	batcher->input = field_template(compiler, source, "BatchInput", &here);
	if (batcher->max_items.literal == NULL && batcher->max_items.path == NULL &&
		batcher->max_bytes.literal == NULL && batcher->max_bytes.path == NULL)
		find_error(compiler->findings, &here, NULL, "needs MaxItemsPerBatch or MaxInputBytesPerBatch");
	state->batcher = batcher;
}

/* A field and the name it had before: at most one of them. Returns the one given, or the new name. */
static const char *
renamed(Compiler *compiler, const AslState *state, const char *name, const char *old, const Where *where)
{
	if (doc_get(state->source, old) == NULL)
		return name;
	if (doc_get(state->source, name) != NULL)
		find_error(compiler->findings, where, old, "is the old name of %s, only one of them can be given", name);
	return old;
}

static void
compile_map(Compiler *compiler, AslState *state, const Where *where)
{
	const char *processor = renamed(compiler, state, "ItemProcessor", "Iterator", where);
	const char *selector = renamed(compiler, state, "ItemSelector", "Parameters", where);
	const Doc  *machine = doc_get(state->source, processor);
	Where		here = {where, processor, 0};

	state->items_path = field_plain_path(compiler, state->source, "ItemsPath", where);
	state->parameters = field_template(compiler, state->source, selector, where);
	field_number(compiler, state->source, "MaxConcurrency", where, 0, MAX_COUNT, false, &state->max_concurrency);
	field_number(compiler, state->source, "ToleratedFailureCount", where, 0, MAX_COUNT, false, &state->tolerated_count);
	field_number(compiler, state->source, "ToleratedFailurePercentage", where, 0, 100, true, &state->tolerated_percentage);
	compile_batcher(compiler, state, where);
	if (doc_get(state->source, "ItemReader") != NULL || doc_get(state->source, "ResultWriter") != NULL)
		find_error(compiler->findings, where, doc_get(state->source, "ItemReader") != NULL ? "ItemReader" : "ResultWriter",
				   "reads and writes a cloud provider's storage, which is not supported");
	if (machine == NULL)
	{
		find_error(compiler->findings, where, NULL, "a Map needs ItemProcessor");
		return;
	}
	state->branches = mem_alloc(sizeof(AslMachine *));
	state->branches[0] = compile_machine(compiler, machine, &here, state->machine, true);
	state->branch_count = 1;
}

#define COMMON "Type", "Comment", "QueryLanguage"
#define FLOW "InputPath", "OutputPath", "Next", "End", "Assign"
#define ERRORS "ResultPath", "ResultSelector", "Retry", "Catch"

static const char *const known_pass[] = {COMMON, FLOW, "Result", "Parameters", "ResultPath", NULL};
static const char *const known_task[] = {
	COMMON, FLOW, ERRORS, "Resource", "Parameters", "TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds",
	"HeartbeatSecondsPath", "Credentials", "Isolated", "Compensate", NULL
};
static const char *const known_choice[] = {COMMON, "InputPath", "OutputPath", "Assign", "Choices", "Default", NULL};
static const char *const known_wait[] = {COMMON, FLOW, "Seconds", "SecondsPath", "Timestamp", "TimestampPath", NULL};
static const char *const known_succeed[] = {COMMON, "InputPath", "OutputPath", NULL};
static const char *const known_fail[] = {COMMON, "Error", "ErrorPath", "Cause", "CausePath", NULL};
static const char *const known_parallel[] = {COMMON, FLOW, ERRORS, "Branches", "Parameters", NULL};
static const char *const known_map[] = {
	COMMON, FLOW, ERRORS, "ItemProcessor", "Iterator", "ItemSelector", "Parameters", "ItemsPath", "ItemBatcher",
	"ItemReader", "ResultWriter", "Label", "MaxConcurrency", "MaxConcurrencyPath", "ToleratedFailureCount",
	"ToleratedFailureCountPath", "ToleratedFailurePercentage", "ToleratedFailurePercentagePath", NULL
};

static const struct
{
	const char *name;
	const char *of_what;
	const char *const *known;
	void		(*compile) (Compiler *compiler, AslState *state, const Where *where);
}			types[] = {
	[ASL_PASS] = {"Pass", "a Pass state", known_pass, compile_pass},
	[ASL_TASK] = {"Task", "a Task state", known_task, compile_task},
	[ASL_CHOICE] = {"Choice", "a Choice state", known_choice, compile_choice},
	[ASL_WAIT] = {"Wait", "a Wait state", known_wait, compile_wait},
	[ASL_SUCCEED] = {"Succeed", "a Succeed state", known_succeed, NULL},
	[ASL_FAIL] = {"Fail", "a Fail state", known_fail, compile_fail},
	[ASL_PARALLEL] = {"Parallel", "a Parallel state", known_parallel, compile_parallel},
	[ASL_MAP] = {"Map", "a Map state", known_map, compile_map},
};

static bool
find_type(Compiler *compiler, AslState *state, const Where *where)
{
	const Doc  *type = doc_get(state->source, "Type");

	for (size_t i = 0; i < lengthof(types); i++)
		if (doc_is_text(type, types[i].name))
		{
			state->type = (AslType) i;
			return true;
		}
	if (type == NULL)
		find_error(compiler->findings, where, NULL, "needs a Type");
	else
		find_error(compiler->findings, where, "Type",
				   "must be Pass, Task, Choice, Wait, Succeed, Fail, Parallel or Map (case matters)");
	return false;
}

void
compile_state(Compiler *compiler, AslState *state, const Where *where)
{
	const Doc  *language = doc_get(state->source, "QueryLanguage");

	if (state->source->kind != DOC_OBJECT)
	{
		find_error(compiler->findings, where, NULL, "must be an object");
		return;
	}
	if (doc_is_text(language, "JSONata"))
	{
		state->next_name = doc_get_text(state->source, "Next");
		find_error(compiler->findings, where, "QueryLanguage", "the JSONata dialect is not supported; write the state in the JSONPath dialect");
		return;
	}
	if (language != NULL && !doc_is_text(language, "JSONPath"))
		find_error(compiler->findings, where, "QueryLanguage", "must be JSONPath");
	if (!find_type(compiler, state, where))
	{
		/* Its way on still counts, so that one wrong Type doesn't make everything behind it unreachable. */
		state->next_name = doc_get_text(state->source, "Next");
		return;
	}
	fields_known(compiler, state->source, where, types[state->type].known, types[state->type].of_what);
	field_text(compiler, state->source, "Comment", where);
	field_path(compiler, state->source, "InputPath", where, &state->input_path);
	field_path(compiler, state->source, "OutputPath", where, &state->output_path);
	if (state->type != ASL_CHOICE && state->type != ASL_SUCCEED && state->type != ASL_FAIL)
		field_next(compiler, state, where);
	if (state->type != ASL_SUCCEED && state->type != ASL_FAIL)
		state->assign = field_assign(compiler, state->source, where);
	if (state->type == ASL_PASS || state->type == ASL_TASK || state->type == ASL_PARALLEL || state->type == ASL_MAP)
		field_reference(compiler, state->source, "ResultPath", where, &state->result_path);
	if (state->type == ASL_TASK || state->type == ASL_PARALLEL || state->type == ASL_MAP)
	{
		state->result_selector = field_template(compiler, state->source, "ResultSelector", where);
		compile_retry(compiler, state, where);
		compile_catch(compiler, state, where);
	}
	if (types[state->type].compile != NULL)
		types[state->type].compile(compiler, state, where);
}
