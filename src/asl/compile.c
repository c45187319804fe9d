/*
 * compile.c
 *		Compiles machines, and answers questions about compiled ones.
 */
#include "asl/plan.h"

/* Characters of a state's name. */
#define MAX_STATE_NAME 80

static bool
is_jsonata(const Doc *source)
{
	return doc_is_text(doc_get(source, "QueryLanguage"), "JSONata");
}

static void
check_name(Compiler *compiler, const DocMember *member, const Where *where)
{
	uint32_t	characters = 0;

	for (uint32_t i = 0; i < member->key_length; i++)
		characters += ((unsigned char) member->key[i] & 0xc0) != 0x80;
	if (characters == 0 || characters > MAX_STATE_NAME)
		find_error(compiler->findings, where, NULL, "a state's name must have 1 to %d characters, not %u",
				   MAX_STATE_NAME, characters);
	if (strlen(member->key) != member->key_length)
		find_error(compiler->findings, where, NULL, "a state's name must not contain U+0000");
	if (doc_get_n(compiler->names, member->key, member->key_length) != NULL)
		find_error(compiler->findings, where, NULL,
				   "another state has the same name; names must be unique in the whole definition, nested machines included");
	doc_object_add_n(compiler->names, member->key, member->key_length, doc_null());
}

static void
compile_states(Compiler *compiler, AslMachine *machine, const Doc *states, const Where *where)
{
	machine->states = mem_alloc_zero(states->length * sizeof(AslState));
	machine->count = states->length;
	for (uint32_t i = 0; i < states->length; i++)
	{
		const DocMember *member = &states->members[i];
		Where		here = {where, member->key, 0};
		AslState   *state = &machine->states[i];

		state->name = member->key;
		state->machine = machine;
		state->source = member->value;
		check_name(compiler, member, &here);
		compile_state(compiler, state, &here);
	}
}

static void
check_processor_config(Compiler *compiler, const Doc *source, const Where *where)
{
	static const char *const known[] = {"Mode", "ExecutionType", NULL};
	const Doc  *config = doc_get(source, "ProcessorConfig");
	Where		here = {where, "ProcessorConfig", 0};
	const char *mode;

	if (config == NULL)
		return;
	if (config->kind != DOC_OBJECT)
	{
		find_error(compiler->findings, where, "ProcessorConfig", "must be an object");
		return;
	}
	fields_known(compiler, config, &here, known, "ProcessorConfig");
	mode = field_text(compiler, config, "Mode", &here);
	field_text(compiler, config, "ExecutionType", &here);
	if (mode != NULL && strcmp(mode, "DISTRIBUTED") == 0)
		find_warning(compiler->findings, &here, "Mode", "DISTRIBUTED runs like INLINE: the items are branches of the run");
	else if (mode != NULL && strcmp(mode, "INLINE") != 0)
		find_error(compiler->findings, &here, "Mode", "must be INLINE or DISTRIBUTED");
}

AslMachine *
compile_machine(Compiler *compiler, const Doc *source, const Where *where,
				const AslMachine *parent, bool item_processor)
{
	static const char *const known[] = {"Comment", "QueryLanguage", "StartAt", "States", "TimeoutSeconds", "Version", NULL};
	static const char *const known_nested[] = {"Comment", "QueryLanguage", "StartAt", "States", NULL};
	static const char *const known_processor[] = {"Comment", "ProcessorConfig", "QueryLanguage", "StartAt", "States", NULL};
	AslMachine *machine = mem_alloc_zero(sizeof(AslMachine));
	AslFindings *findings = compiler->findings;
	const Doc  *states = doc_get(source, "States");
	const Doc  *language = doc_get(source, "QueryLanguage");
	Where		here = {where, "States", 0};

	base_check_stack();
	machine->parent = parent;
	machine->root = parent == NULL ? machine : parent->root;
	if (source->kind != DOC_OBJECT)
	{
		find_error(findings, where, NULL, "must be an object");
		return machine;
	}
	if (is_jsonata(source))
	{
		find_error(findings, where, "QueryLanguage", "the JSONata dialect is not supported; write the machine in the JSONPath dialect");
		return machine;
	}
	if (language != NULL && !doc_is_text(language, "JSONPath"))
		find_error(findings, where, "QueryLanguage", "must be JSONPath");
	fields_known(compiler, source, where,
				 parent == NULL ? known : item_processor ? known_processor : known_nested,
				 parent == NULL ? "a state machine" : item_processor ? "an item processor" : "a branch");
	field_text(compiler, source, "Comment", where);
	if (parent == NULL)
	{
		const char *version = field_text(compiler, source, "Version", where);

		if (version != NULL && strcmp(version, "1.0") != 0)
			find_error(findings, where, "Version", "must be \"1.0\"");
		field_integer(compiler, source, "TimeoutSeconds", where, 1, MAX_SECONDS, &machine->timeout);
	}
	else if (item_processor)
		check_processor_config(compiler, source, where);
	machine->start_name = field_text(compiler, source, "StartAt", where);
	if (doc_get(source, "StartAt") == NULL)
		find_error(findings, where, NULL, "needs StartAt");
	if (states == NULL)
		find_error(findings, where, NULL, "needs States");
	else if (states->kind != DOC_OBJECT || states->length == 0)
		find_error(findings, where, "States", "must be an object with at least one state");
	else
		compile_states(compiler, machine, states, &here);
	return machine;
}

static uint32_t
count_states(const AslMachine *machine)
{
	uint32_t	count = machine->count;

	for (uint32_t i = 0; i < machine->count; i++)
		for (uint32_t j = 0; j < machine->states[i].branch_count; j++)
			count += count_states(machine->states[i].branches[j]);
	return count;
}

static void
collect_states(const AslMachine *machine, AslMachine *root)
{
	for (uint32_t i = 0; i < machine->count; i++)
	{
		root->sorted[root->sorted_count++] = &machine->states[i];
		for (uint32_t j = 0; j < machine->states[i].branch_count; j++)
			collect_states(machine->states[i].branches[j], root);
	}
}

static int
compare_states(const void *a, const void *b)
{
	return strcmp((*(const AslState *const *) a)->name, (*(const AslState *const *) b)->name);
}

const AslState *
plan_find(const AslMachine *root, const char *name)
{
	uint32_t	low = 0;
	uint32_t	high = root->sorted_count;

	while (low < high)
	{
		uint32_t	middle = low + (high - low) / 2;
		int			order = strcmp(root->sorted[middle]->name, name);

		if (order == 0)
			return root->sorted[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const AslMachine *
asl_compile(const Doc *definition, AslFindings *findings)
{
	Compiler	compiler = {findings, doc_object()};
	Where		where = {NULL, NULL, 0};
	AslMachine *machine = compile_machine(&compiler, definition, &where, NULL, false);

	machine->sorted = mem_alloc((count_states(machine) + 1) * sizeof(AslState *));
	collect_states(machine, machine);
	qsort(machine->sorted, machine->sorted_count, sizeof(AslState *), compare_states);
	if (machine->count > 0)
		compile_graph(&compiler, machine, &where);
	return findings->errors > 0 ? NULL : machine;
}

/* ------------------------------------------------------------------------
 * Questions
 * ---------------------------------------------------------------------- */

const AslState *
asl_find_state(const AslMachine *machine, const char *name)
{
	const AslState *state = plan_find(machine->root, name);

	for (const AslMachine *outer = state == NULL ? NULL : state->machine; outer != NULL; outer = outer->parent)
		if (outer == machine)
			return state;
	return NULL;
}

static void
visit_machine(const AslMachine *machine, const Where *where, AslTaskVisitor visit, void *argument)
{
	Where		states = {where, "States", 0};

	for (uint32_t i = 0; i < machine->count; i++)
	{
		const AslState *state = &machine->states[i];
		Where		here = {&states, state->name, 0};
		Where		resource = {&here, "Resource", 0};

		if (state->type == ASL_TASK)
			visit(state, where_text(&resource), state->resource, argument);
		for (uint32_t j = 0; j < state->branch_count; j++)
		{
			Where		branches = {&here, "Branches", 0};
			Where		branch = {&branches, NULL, j};
			Where		processor = {&here, doc_get(state->source, "Iterator") != NULL ? "Iterator" : "ItemProcessor", 0};

			visit_machine(state->branches[j], state->type == ASL_MAP ? &processor : &branch, visit, argument);
		}
	}
}

void
asl_visit_tasks(const AslMachine *machine, AslTaskVisitor visit, void *argument)
{
	Where		where = {NULL, NULL, 0};

	visit_machine(machine, &where, visit, argument);
}

const AslState *
asl_start(const AslMachine *machine)
{
	return machine->start;
}

int64_t
asl_machine_timeout(const AslMachine *machine)
{
	return machine->timeout;
}

const char *
asl_state_name(const AslState *state)
{
	return state->name;
}

AslType
asl_state_type(const AslState *state)
{
	return state->type;
}

bool
asl_state_is_end(const AslState *state)
{
	return state->end || state->type == ASL_SUCCEED || state->type == ASL_FAIL;
}

int
asl_state_retriers(const AslState *state)
{
	return (int) state->retrier_count;
}

const char *
asl_task_resource(const AslState *state)
{
	return state->resource;
}

const Doc *
asl_task_parameters(const AslState *state)
{
	return doc_get(state->source, "Parameters");
}

bool
asl_task_isolated(const AslState *state)
{
	return state->isolated;
}

const char *
asl_task_compensate(const AslState *state)
{
	return state->compensate;
}

int
asl_fork_depth(const AslMachine *machine)
{
	int			deepest = 0;

	base_check_stack();
	for (uint32_t i = 0; i < machine->count; i++)
		for (uint32_t j = 0; j < machine->states[i].branch_count; j++)
		{
			int			depth = 1 + asl_fork_depth(machine->states[i].branches[j]);

			if (depth > deepest)
				deepest = depth;
		}
	return deepest;
}

int
asl_branch_count(const AslState *state)
{
	return (int) state->branch_count;
}

const AslMachine *
asl_branch(const AslState *state, int branch)
{
	return branch >= 0 && branch < (int) state->branch_count ? state->branches[branch] : NULL;
}
