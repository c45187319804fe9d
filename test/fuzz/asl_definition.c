/*
 * asl_definition.c
 *		Any document to asl_compile; what compiles runs a hundred steps with
 *		Tasks that answer, in turn, with their input and with an error.
 */
#include "asl/asl.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
step(AslPosition *position, AslDecision *decision, int number)
{
	AslError	error = {"E", {"22012", NULL, NULL}, "cause", false, true};

	asl_enter(position, decision);
	if (decision->action == ASL_SLEEP)
		asl_resume(position, decision);
	else if (decision->action == ASL_CALL && number % 3 == 0)
		asl_error(position, &error, decision);
	else if (decision->action == ASL_CALL)
		asl_result(position, decision->output, decision);
	else if (decision->action == ASL_FORK)
	{
		AslContext	context = *position->context;
		const AslContext *outer = position->context;
		const Doc  *items = decision->items;
		const Doc  *input;

		for (uint32_t i = 0; items != NULL && i < items->length && i < 3; i++)
		{
			context.map_item_value = items->items[i];
			context.map_item_index = (int) i;
			position->context = &context;
			if (!asl_item_input(position, &input, decision))
			{
				position->context = outer;
				return;
			}
		}
		position->context = outer;
		asl_result(position, items != NULL ? items : doc_array(), decision);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const Doc  *definition = doc_parse((const char *) data, size, NULL);
	AslFindings findings = {0};
	const AslMachine *machine;

	if (definition != NULL)
	{
		machine = asl_compile(definition, &findings);
		if ((machine == NULL) != (findings.errors > 0))
			abort();
		if (machine != NULL)
		{
			AslContext	context = {.execution_id = "1", .execution_name = "n", .machine_id = "m:1", .machine_name = "m"};
			AslPosition position = {.state = asl_start(machine), .random = 0.5, .max_payload = 65536};
			AslDecision decision = {0};

			context.execution_input = position.input = definition;
			position.context = &context;
			for (int i = 0; i < 100; i++)
			{
				step(&position, &decision, i);
				if (decision.action == ASL_RETRY)
				{
					position.retries[decision.retrier]++;
					continue;
				}
				if (decision.action != ASL_GO)
					break;
				position.state = decision.next;
				position.input = decision.output;
				position.variables = decision.variables;
				memset(position.retries, 0, sizeof(position.retries));
			}
			if (decision.action != ASL_FAILURE && decision.action != ASL_RETRY && decision.output == NULL)
				abort();
		}
	}
	mem_reset();
	return 0;
}
