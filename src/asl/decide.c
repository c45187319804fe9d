/*
 * decide.c
 *		What comes next: entering a state, the end of a Wait, a result.
 *
 * The order in which fields apply: InputPath, Parameters, the work,
 * ResultSelector, then Assign and ResultPath, then OutputPath.  A state
 * without such fields passes its input on as the same pointer.
 */
#include "asl/plan.h"

#include "asl/timestamp.h"

static void
decision_init(AslDecision *decision)
{
	memset(decision, 0, sizeof(*decision));
	decision->tolerated_failures = -1;
}

/* A value through InputPath or OutputPath. */
static const Doc *
through(const PathField *field, const char *name, const Doc *value, AslScope *scope)
{
	if (field->is_null)
		return doc_object();
	if (field->path == NULL)
		return value;
	scope->input = value;
	scope->field = name;
	value = path_evaluate(field->path, scope);
	scope->field = NULL;
	return value;
}

const Doc *
effective_input(const AslPosition *position, AslScope *scope)
{
	return through(&position->state->input_path, "InputPath", position->input, scope);
}

void
decide_failure(const AslPosition *position, const AslScope *scope, AslDecision *decision)
{
	AslError	error = {scope->error, {NULL, NULL, NULL}, scope->cause, false, false};

	asl_error(position, &error, decision);
}

/* OutputPath, then the end of the machine or `next`. */
static void
leave(const AslPosition *position, AslScope *scope, const Doc *value, const Doc *variables,
	  const AslState *next, AslDecision *decision)
{
	const Doc  *output = through(&position->state->output_path, "OutputPath", value, scope);

	if (output != NULL && output != position->input)
		output = scope_limit(scope, output, "the output");
	if (output == NULL)
	{
		decide_failure(position, scope, decision);
		return;
	}
	decision->action = asl_state_is_end(position->state) ? ASL_FINISH : ASL_GO;
	decision->next = next;
	decision->output = output;
	decision->variables = variables;
}

/* The variables after an Assign for which $ is `result`; NULL and a failure in the scope. */
static bool
assign(const Template *template, const Doc *result, AslScope *scope, const Doc **variables)
{
	*variables = scope->position->variables;
	if (template == NULL)
		return true;
	scope->input = result;
	*variables = template_assign(template, scope);
	return *variables != NULL;
}

/* A Pass, Task, Parallel or Map has its result, after ResultSelector. */
static void
complete(const AslPosition *position, AslScope *scope, const Doc *result, AslDecision *decision)
{
	const AslState *state = position->state;
	const Doc  *variables;
	const Doc  *value = result;

	if (!assign(state->assign, result, scope, &variables))
	{
		decide_failure(position, scope, decision);
		return;
	}
	if (state->result_path.is_null)
		value = position->input;
	else if (state->result_path.path != NULL)
		value = path_write(state->result_path.path, position->input, result, scope);
	if (value == NULL)
		decide_failure(position, scope, decision);
	else
		leave(position, scope, value, variables, state->next, decision);
}

static void
enter_pass(const AslPosition *position, AslScope *scope, const Doc *input, AslDecision *decision)
{
	const AslState *state = position->state;

	if (state->result != NULL)
		input = state->result;
	else if (state->parameters != NULL)
	{
		scope->input = input;
		input = template_evaluate(state->parameters, scope, "what Parameters gives");
	}
	if (input == NULL)
		decide_failure(position, scope, decision);
	else
		complete(position, scope, input, decision);
}

bool
number_evaluate(const NumberField *field, const char *name, AslScope *scope,
				int64_t least, int64_t most, bool text, int64_t *value)
{
	const Doc  *number = field->literal;

	if (field->path != NULL)
	{
		scope->field = name;
		number = path_evaluate(field->path, scope);
		scope->field = NULL;
	}
	if (number == NULL)
		return scope->error == NULL;
	if (text && number->kind == DOC_STRING && number->length > 0)
	{
		bool		digits = number->length <= 18;

		for (uint32_t i = 0; i < number->length; i++)
			digits = digits && number->text[i] >= '0' && number->text[i] <= '9';
		if (digits)
			number = doc_int(strtoll(number->text, NULL, 10));
	}
	if (doc_to_int64(number, value) && *value >= least && *value <= most)
		return true;
	scope_fail(scope, ERROR_RUNTIME, "the value of %s must be an integer from %lld to %lld.",
			   name, (long long) least, (long long) most);
	return false;
}

static void
enter_task(const AslPosition *position, AslScope *scope, const Doc *input, AslDecision *decision)
{
	const AslState *state = position->state;
	int64_t		timeout = 0;
	int64_t		heartbeat = 0;

	scope->input = input;
	if (!number_evaluate(&state->timeout, "TimeoutSecondsPath", scope, 1, MAX_SECONDS, false, &timeout) ||
		!number_evaluate(&state->heartbeat, "HeartbeatSecondsPath", scope, 1, MAX_SECONDS, false, &heartbeat))
		input = NULL;
	else if (state->parameters != NULL)
		input = template_evaluate(state->parameters, scope, "what Parameters gives");
	if (input == NULL)
	{
		decide_failure(position, scope, decision);
		return;
	}
	decision->action = ASL_CALL;
	decision->output = input;
	decision->variables = position->variables;
	decision->timeout = timeout;
	decision->heartbeat = heartbeat;
}

static void
enter_choice(const AslPosition *position, AslScope *scope, const Doc *input, AslDecision *decision)
{
	const AslState *state = position->state;
	const AslState *next = state->next;
	const Template *assignment = state->assign;
	const Doc  *variables;

	scope->input = input;
	for (uint32_t i = 0; i < state->rule_count && scope->error == NULL; i++)
		if (rule_test(state->rules[i].rule, scope))
		{
			next = state->rules[i].next;
			assignment = state->rules[i].assign;
			break;
		}
	if (scope->error == NULL && next == NULL)
		scope_fail(scope, ERROR_NO_CHOICE, "no rule matches, and there is no Default.");
	if (scope->error != NULL || !assign(assignment, input, scope, &variables))
		decide_failure(position, scope, decision);
	else
		leave(position, scope, input, variables, next, decision);
}

/* When a Wait is over; false and a failure in the scope. */
static bool
wait_until(const AslPosition *position, AslScope *scope, int64_t *until)
{
	const AslState *state = position->state;
	const Doc  *text;
	Instant		time;
	int64_t		seconds = 0;

	if (state->has_timestamp)
	{
		*until = state->timestamp;
		return true;
	}
	if (state->timestamp_path != NULL)
	{
		scope->field = "TimestampPath";
		text = path_evaluate(state->timestamp_path, scope);
		scope->field = NULL;
		if (text == NULL)
			return false;
		if (text->kind != DOC_STRING || !timestamp_read(text->text, text->length, &time))
		{
			scope_fail(scope, ERROR_RUNTIME, "the value of TimestampPath '%s' must be a timestamp like 2026-01-31T12:00:00Z.",
					   state->timestamp_path->text);
			return false;
		}
		*until = timestamp_microseconds(&time);
		return true;
	}
	if (!number_evaluate(&state->seconds, "SecondsPath", scope, 0, MAX_SECONDS, false, &seconds))
		return false;
	*until = position->now + seconds * 1000000;
	return true;
}

static void
leave_wait(const AslPosition *position, AslScope *scope, const Doc *input, AslDecision *decision)
{
	const Doc  *variables;

	if (!assign(position->state->assign, input, scope, &variables))
		decide_failure(position, scope, decision);
	else
		leave(position, scope, input, variables, position->state->next, decision);
}

static void
enter_wait(const AslPosition *position, AslScope *scope, const Doc *input, AslDecision *decision)
{
	int64_t		until;

	scope->input = input;
	if (!wait_until(position, scope, &until))
		decide_failure(position, scope, decision);
	else if (until <= position->now)
		leave_wait(position, scope, input, decision);
	else
	{
		decision->action = ASL_SLEEP;
		decision->until = until;
		decision->variables = position->variables;
	}
}

/* Error or Cause of a Fail; false and a failure in the scope. */
static bool
fail_text(const TextField *field, const char *name, AslScope *scope, const char **text)
{
	const Doc  *value;

	*text = field->literal;
	if (!field->dynamic)
		return true;
	scope->field = name;
	scope->payload = true;
	value = expression_evaluate(&field->expression, scope);
	scope->payload = false;
	scope->field = NULL;
	if (value == NULL)
		return false;
	*text = value->kind == DOC_STRING ? value->text : NULL;
	if (value->kind != DOC_STRING)
		scope_fail(scope, ERROR_RUNTIME, "the value of %s must be text.", name);
	return value->kind == DOC_STRING;
}

static void
enter_fail(const AslPosition *position, AslScope *scope, AslDecision *decision)
{
	const AslState *state = position->state;

	scope->input = position->input;
	decision->action = ASL_FAILURE;
	if (fail_text(&state->error, "ErrorPath", scope, &decision->error) &&
		fail_text(&state->cause, "CausePath", scope, &decision->cause))
		return;
	decision->error = scope->error;
	decision->cause = scope->cause;
}

void
asl_enter(const AslPosition *position, AslDecision *decision)
{
	AslScope	scope;
	const Doc  *input;
	AslType		type = position->state->type;

	decision_init(decision);
	scope_init(&scope, position, position->input);
	if (type == ASL_FAIL)
	{
		enter_fail(position, &scope, decision);
		return;
	}
	if (type == ASL_PARALLEL || type == ASL_MAP)
	{
		decide_fork(position, decision);
		return;
	}
	input = effective_input(position, &scope);
	if (input == NULL)
	{
		decide_failure(position, &scope, decision);
		return;
	}
	switch (type)
	{
		case ASL_PASS:
			enter_pass(position, &scope, input, decision);
			break;
		case ASL_TASK:
			enter_task(position, &scope, input, decision);
			break;
		case ASL_CHOICE:
			enter_choice(position, &scope, input, decision);
			break;
		case ASL_WAIT:
			enter_wait(position, &scope, input, decision);
			break;
		default:
			leave(position, &scope, input, position->variables, NULL, decision);
			break;
	}
}

void
asl_resume(const AslPosition *position, AslDecision *decision)
{
	AslScope	scope;
	const Doc  *input;

	decision_init(decision);
	scope_init(&scope, position, position->input);
	input = effective_input(position, &scope);
	if (input == NULL)
		decide_failure(position, &scope, decision);
	else
		leave_wait(position, &scope, input, decision);
}

void
asl_result(const AslPosition *position, const Doc *result, AslDecision *decision)
{
	AslScope	scope;

	decision_init(decision);
	scope_init(&scope, position, result);
	if (result != position->input)
		result = scope_limit(&scope, result, "the result");
	if (result != NULL && position->state->result_selector != NULL)
		result = template_evaluate(position->state->result_selector, &scope, "what ResultSelector gives");
	if (result == NULL)
		decide_failure(position, &scope, decision);
	else
		complete(position, &scope, result, decision);
}
