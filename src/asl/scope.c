/*
 * scope.c
 *		The surroundings of an expression, and how its failures are worded.
 */
#include "asl/scope.h"

#include "asl/timestamp.h"

/* The original service keeps causes below 32,768 characters. */
#define MAX_CAUSE 32000

void
scope_init(AslScope *scope, const AslPosition *position, const Doc *input)
{
	memset(scope, 0, sizeof(*scope));
	scope->position = position;
	scope->input = input;
	scope->work = SCOPE_WORK;
	scope->limit = position->max_payload > 0 ? (size_t) position->max_payload : SCOPE_NO_LIMIT;
}

/* Characters are not cut. */
static void
cut_at(char *text, size_t length)
{
	while (length > 0 && ((unsigned char) text[length] & 0xc0) == 0x80)
		length--;
	text[length] = '\0';
}

const Doc *
scope_fail(AslScope *scope, const char *error, const char *format,...)
{
	const AslContext *context = scope->position->context;
	char	   *cause;
	size_t		used;
	va_list		args;
	va_list		again;
	int			length;

	if (scope->error != NULL)
		return NULL;
	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		length = 0;
	cause = mem_alloc((size_t) length + 640);
	used = (size_t) snprintf(cause, 512, "State '%s'", asl_state_name(scope->position->state));
	if (used > 511)
		used = 511;
	if (context != NULL && context->entered_event != 0)
		used += (size_t) snprintf(cause + used, 64, " (entered by event #%lld)",
								  (long long) context->entered_event);
	used += (size_t) snprintf(cause + used, 8, ": ");
	vsnprintf(cause + used, (size_t) length + 1, format, again);
	va_end(again);
	if (used + (size_t) length > MAX_CAUSE)
		cut_at(cause, MAX_CAUSE);
	scope->error = error;
	scope->cause = cause;
	return NULL;
}

const Doc *
scope_no_match(AslScope *scope, const char *path, const char *missing)
{
	/* Writing a large input costs time and is cut anyway. */
	if (scope->payload && scope->input != NULL && doc_fits(scope->input, SCOPE_DEPTH, MAX_CAUSE))
		return scope_fail(scope, ERROR_RUNTIME,
						  "the path '%s' of field '%s' matches nothing in the input '%s'.",
						  path, scope->field, doc_write(scope->input, NULL));
	if (scope->payload)
		return scope_fail(scope, ERROR_RUNTIME,
						  "the path '%s' of field '%s' matches nothing in the input, there is no %s.",
						  path, scope->field, missing);
	return scope_fail(scope, ERROR_RUNTIME, "the path '%s' of %s matches nothing, there is no %s.",
					  path, scope->field != NULL ? scope->field : "the state", missing);
}

bool
scope_work(AslScope *scope, int64_t visits)
{
	base_check_interrupts();
	scope->work -= visits;
	if (scope->work >= 0)
		return true;
	scope_fail(scope, ERROR_DATA_LIMIT, "evaluating its expressions visits more than %lld values.",
			   (long long) SCOPE_WORK);
	return false;
}

const Doc *
scope_limit(AslScope *scope, const Doc *value, const char *what)
{
	if (doc_fits(value, SCOPE_DEPTH, scope->limit))
		return value;
	return scope_fail(scope, ERROR_DATA_LIMIT,
					  "%s is larger than %zu bytes or nested deeper than %d levels.",
					  what, scope->limit, SCOPE_DEPTH);
}

static const Doc *
text_or_null(const char *text)
{
	return text == NULL ? doc_null() : doc_text(text);
}

const Doc *
scope_context(AslScope *scope)
{
	const AslPosition *position = scope->position;
	const AslContext *facts = position->context;
	Doc		   *context;
	Doc		   *part;
	char		time[TIMESTAMP_SIZE];
	AslType		type = asl_state_type(position->state);

	if (scope->context != NULL)
		return scope->context;
	context = doc_object();
	if (facts != NULL)
	{
		part = doc_object();
		doc_object_add(part, "Id", text_or_null(facts->execution_id));
		doc_object_add(part, "Input", facts->execution_input == NULL ? doc_object() : facts->execution_input);
		doc_object_add(part, "Name", text_or_null(facts->execution_name));
		doc_object_add(part, "RedriveCount", doc_int(facts->redrive_count));
		timestamp_write(facts->execution_start, time);
		doc_object_add(part, "StartTime", doc_text(time));
		doc_object_add(context, "Execution", part);
		part = doc_object();
		doc_object_add(part, "Id", text_or_null(facts->machine_id));
		doc_object_add(part, "Name", text_or_null(facts->machine_name));
		doc_object_add(context, "StateMachine", part);
	}
	part = doc_object();
	timestamp_write(facts == NULL ? position->now : facts->state_entered, time);
	doc_object_add(part, "EnteredTime", doc_text(time));
	doc_object_add(part, "Name", doc_text(asl_state_name(position->state)));
	if (type == ASL_TASK || type == ASL_PARALLEL || type == ASL_MAP)
		doc_object_add(part, "RetryCount", doc_int(facts == NULL ? 0 : facts->retry_count));
	doc_object_add(context, "State", part);
	if (facts != NULL && facts->map_item_value != NULL)
	{
		Doc		   *map = doc_object();

		part = doc_object();
		doc_object_add(part, "Index", doc_int(facts->map_item_index));
		doc_object_add(part, "Value", facts->map_item_value);
		doc_object_add(map, "Item", part);
		doc_object_add(context, "Map", map);
	}
	if (facts != NULL && facts->task_token != NULL)
	{
		part = doc_object();
		doc_object_add(part, "Token", doc_text(facts->task_token));
		doc_object_add(context, "Task", part);
	}
	scope->context = context;
	return context;
}
