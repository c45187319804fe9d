/*
 * trial.c
 *		What dalp.test_state is given, made ready for the simulator.
 *
 * Pure, no transaction or locks: runs wherever its caller does.
 */
#include "workflow/trial.h"

/* Bytes of a name that a Problem shows. */
#define NAME_SHOWN 150

bool
trial_is_state(const Doc *definition)
{
	return doc_get(definition, "Type") != NULL && doc_get(definition, "States") == NULL;
}

/* A state to lead to, unless there is one of that name. What is no name is left for the compiler to find. */
static void
add_stand_in(Doc *states, const char *name, const char *type)
{
	Doc		   *stand_in;

	if (name == NULL || name[0] == '\0' || doc_get(states, name) != NULL)
		return;
	stand_in = doc_object();
	doc_object_add(stand_in, "Type", doc_text(type));
	if (strcmp(type, "Task") == 0)
	{
		doc_object_add(stand_in, "Resource", doc_text("sql:stand_in"));
		doc_object_add(stand_in, "End", doc_bool(true));
	}
	doc_object_add(states, name, stand_in);
}

static void
add_stand_ins(Doc *states, const Doc *rules)
{
	for (uint32_t i = 0; doc_is(rules, DOC_ARRAY) && i < rules->length; i++)
		add_stand_in(states, doc_get_text(rules->items[i], "Next"), "Succeed");
}

/* "State", or with a number: names are unique over all of a machine, and the state may hold others. */
static const char *
free_name(const Doc *state)
{
	const char *text = doc_write(state, NULL);
	char	   *quoted = mem_alloc(32);

	snprintf(quoted, 32, "\"State\"");
	for (int number = 2; strstr(text, quoted) != NULL; number++)
		snprintf(quoted, 32, "\"State%d\"", number);
	quoted[strlen(quoted) - 1] = '\0';
	return quoted + 1;
}

void
trial_wrap_state(const Doc *state, TrialState *trial)
{
	Doc		   *machine = doc_object();
	Doc		   *states = doc_object();

	trial->name = free_name(state);
	doc_object_add(states, trial->name, state);
	/* First, because a compensation has to be a Task, and the others take any. */
	add_stand_in(states, doc_get_text(state, "Compensate"), "Task");
	add_stand_in(states, doc_get_text(state, "Next"), "Succeed");
	add_stand_in(states, doc_get_text(state, "Default"), "Succeed");
	add_stand_ins(states, doc_get(state, "Choices"));
	add_stand_ins(states, doc_get(state, "Catch"));
	doc_object_add(machine, "StartAt", doc_text(trial->name));
	doc_object_add(machine, "States", states);
	trial->machine = machine;
}

const char *
trial_path(const TrialState *trial, const char *path)
{
	size_t		length = strlen("$.States.") + strlen(trial->name);
	char	   *own;

	if (strncmp(path, "$.States.", strlen("$.States.")) != 0 ||
		strncmp(path + strlen("$.States."), trial->name, strlen(trial->name)) != 0 ||
		(path[length] != '\0' && path[length] != '.' && path[length] != '['))
		return path;
	own = mem_alloc(strlen(path + length) + 2);
	snprintf(own, strlen(path + length) + 2, "$%s", path + length);
	return own;
}

/* As much of a name as a Problem has room for, in whole characters. */
static const char *
clip(const char *name)
{
	size_t		length = strlen(name);
	char	   *clipped;

	if (length <= NAME_SHOWN)
		return name;
	for (length = NAME_SHOWN; length > 0 && ((unsigned char) name[length] & 0xc0) == 0x80; length--)
		;
	clipped = mem_alloc(length + 1);
	memcpy(clipped, name, length);
	clipped[length] = '\0';
	return clipped;
}

static bool
check_aliases(const Doc *aliases, const char *where, Problem *problem)
{
	if (aliases == NULL)
		return true;
	if (aliases->kind != DOC_ARRAY || aliases->length > lengthof(((AslError *) NULL)->aliases))
		return problem_set(problem, where, "aliases must be an array of at most %zu names",
						   lengthof(((AslError *) NULL)->aliases));
	for (uint32_t i = 0; i < aliases->length; i++)
		if (aliases->items[i]->kind != DOC_STRING)
			return problem_set(problem, where, "aliases must be names");
	return true;
}

static bool
check_member(const DocMember *member, bool fails, const char *where, Problem *problem)
{
	if (strcmp(member->key, "result") == 0)
		return true;
	if (fails && (strcmp(member->key, "error") == 0 || strcmp(member->key, "cause") == 0))
		return member->value->kind == DOC_STRING ||
			problem_set(problem, where, "%s must be a text", member->key);
	if (fails && strcmp(member->key, "aliases") == 0)
		return check_aliases(member->value, where, problem);
	if (fails && strcmp(member->key, "permanent") == 0)
		return member->value->kind == DOC_BOOL ||
			problem_set(problem, where, "permanent must be true or false");
	return problem_set(problem, where, "a mock with %s can't have \"%s\"",
					   fails ? "error" : "result", clip(member->key));
}

static bool
check_mock(const Doc *mock, const char *where, Problem *problem)
{
	bool		fails = doc_get(mock, "error") != NULL;

	if (mock->kind != DOC_OBJECT || fails == (doc_get(mock, "result") != NULL))
		return problem_set(problem, where, "a mock must be an object with either result or error");
	for (uint32_t i = 0; i < mock->length; i++)
		if (!check_member(&mock->members[i], fails, where, problem))
			return false;
	return true;
}

static bool
check_mocks_of(const char *state, const Doc *mocks, Problem *problem)
{
	char		where[NAME_SHOWN + 16];

	state = clip(state);
	if (mocks->kind != DOC_ARRAY)
		return check_mock(mocks, state, problem);
	if (mocks->length == 0)
		return problem_set(problem, state, "a list of mocks must not be empty");
	for (uint32_t i = 0; i < mocks->length; i++)
	{
		base_check_interrupts();
		snprintf(where, sizeof(where), "%s[%u]", state, i);
		if (!check_mock(mocks->items[i], where, problem))
			return false;
	}
	return true;
}

bool
trial_check_mocks(const AslMachine *machine, const Doc *mocks, Problem *problem)
{
	if (mocks == NULL)
		return true;
	if (mocks->kind != DOC_OBJECT)
		return problem_set(problem, "", "they must be an object of states' names");
	for (uint32_t i = 0; i < mocks->length; i++)
	{
		const AslState *state = asl_find_state(machine, mocks->members[i].key);

		base_check_interrupts();
		if (state == NULL)
			return problem_set(problem, "", "there is no state \"%s\"", clip(mocks->members[i].key));
		if (asl_state_type(state) != ASL_TASK)
			return problem_set(problem, "", "state \"%s\" is no Task; only Tasks are mocked",
							   clip(mocks->members[i].key));
		if (!check_mocks_of(mocks->members[i].key, mocks->members[i].value, problem))
			return false;
	}
	return true;
}

const Doc *
trial_wrap_mocks(const TrialState *trial, const AslState *state, const Doc *mocks)
{
	Doc		   *by_name;

	if (mocks == NULL || asl_state_type(state) != ASL_TASK)
		return mocks;
	by_name = doc_object();
	doc_object_add(by_name, trial->name, mocks);
	return by_name;
}

const Doc *
trial_report(const AslSimulation *simulation)
{
	const Doc  *full = asl_simulation_report(simulation);
	Doc		   *result = doc_object();

	for (uint32_t i = 0; i < full->length; i++)
		doc_object_add(result, strcmp(full->members[i].key, "trace") == 0 ? "path" : full->members[i].key,
					   full->members[i].value);
	return result;
}
