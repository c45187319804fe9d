/*
 * render.c
 *		Graphviz and Mermaid text of a machine, and dalp.sequence's definition.
 */
#include "asl/render.h"

#include "asl/plan.h"

/* Characters of a label; rules can be long. */
#define MAX_LABEL 60

typedef struct Renderer
{
	AslDrawing	drawing;
	const AslMachine *root;
	const Doc  *states;			/* name → how often it was entered */
	const Doc  *ways;			/* "from\ntarget" of consecutive entries */
	char	   *text;
	size_t		used;
	size_t		size;
	int			clusters;
	int			edges;
	Doc		   *marked_edges;	/* Mermaid: numbers of the ways taken */
} Renderer;

static void
add_n(Renderer *renderer, const char *bytes, size_t length)
{
	while (renderer->size - renderer->used <= length)
	{
		renderer->size *= 2;
		renderer->text = mem_realloc(renderer->text, renderer->size);
	}
	memcpy(renderer->text + renderer->used, bytes, length);
	renderer->used += length;
	renderer->text[renderer->used] = '\0';
}

static void
add(Renderer *renderer, const char *text)
{
	add_n(renderer, text, strlen(text));
}

static void
add_int(Renderer *renderer, const char *before, int64_t number, const char *after)
{
	char		digits[24];

	snprintf(digits, sizeof(digits), "%lld", (long long) number);
	add(renderer, before);
	add(renderer, digits);
	add(renderer, after);
}

/* A label's text, so that no character of it is syntax. */
static void
add_label(Renderer *renderer, const char *label)
{
	int			characters = 0;

	for (const char *c = label; *c != '\0'; c++)
	{
		if (((unsigned char) *c & 0xc0) != 0x80 && ++characters > MAX_LABEL)
		{
			add(renderer, "…");
			return;
		}
		if ((unsigned char) *c < ' ')
			add(renderer, " ");
		else if (renderer->drawing == ASL_GRAPHVIZ && (*c == '"' || *c == '\\'))
		{
			add(renderer, "\\");
			add_n(renderer, c, 1);
		}
		else if (renderer->drawing == ASL_MERMAID && strchr("\"#<>&;`", *c) != NULL)
			add_int(renderer, "#", *c, ";");
		else
			add_n(renderer, c, 1);
	}
}

/* A state's place among all of the definition, which is its node's name. */
static int64_t
node_number(const Renderer *renderer, const AslState *state)
{
	uint32_t	low = 0;
	uint32_t	high = renderer->root->sorted_count;

	while (low + 1 < high)
	{
		uint32_t	middle = low + (high - low) / 2;

		if (strcmp(renderer->root->sorted[middle]->name, state->name) <= 0)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static void
add_node(Renderer *renderer, const AslState *state)
{
	static const char *const shapes[] = {
		[ASL_PASS] = "box", [ASL_TASK] = "box", [ASL_CHOICE] = "diamond", [ASL_WAIT] = "octagon",
		[ASL_SUCCEED] = "doublecircle", [ASL_FAIL] = "doubleoctagon", [ASL_PARALLEL] = "component", [ASL_MAP] = "component",
	};
	const Doc  *count = doc_get(renderer->states, state->name);
	bool		repeated = count != NULL && !doc_equal(count, doc_int(1));
	int64_t		times = 0;

	if (repeated)
		doc_to_int64(count, &times);
	add_int(renderer, "  n", node_number(renderer, state), renderer->drawing == ASL_GRAPHVIZ ? " [label=\""
			: state->type == ASL_CHOICE ? "{\"" : asl_state_is_end(state) ? "([\"" : "[\"");
	add_label(renderer, state->name);
	if (repeated)
		add_int(renderer, " (", times, "×)");
	if (renderer->drawing == ASL_GRAPHVIZ)
	{
		add(renderer, "\", shape=");
		add(renderer, shapes[state->type]);
		add(renderer, count != NULL ? ", style=filled, fillcolor=palegreen];\n" : "];\n");
		return;
	}
	add(renderer, state->type == ASL_CHOICE ? "\"}" : asl_state_is_end(state) ? "\"])" : "\"]");
	add(renderer, count != NULL ? ":::entered\n" : "\n");
}

static void
add_edge(Renderer *renderer, const AslState *from, const AslState *to, const char *label, bool dashed)
{
	size_t		size;
	char	   *way;
	bool		taken;

	if (to == NULL)
		return;
	size = strlen(from->name) + strlen(to->name) + 2;
	way = mem_alloc(size);
	snprintf(way, size, "%s\n%s", from->name, to->name);
	/* Branches are entered in any order, and beside what follows their Parallel or Map in the list. */
	taken = from->machine == to->machine ? doc_get(renderer->ways, way) != NULL
		: doc_get(renderer->states, from->name) != NULL && doc_get(renderer->states, to->name) != NULL;
	add_int(renderer, "  n", node_number(renderer, from), renderer->drawing == ASL_GRAPHVIZ ? " -> "
			: dashed ? " -.->" : " -->");
	if (renderer->drawing == ASL_GRAPHVIZ)
	{
		add_int(renderer, "n", node_number(renderer, to), " [label=\"");
		add_label(renderer, label);
		add(renderer, dashed ? "\", style=dashed" : "\"");
		add(renderer, taken ? ", penwidth=2.5, color=green];\n" : "];\n");
	}
	else
	{
		if (*label != '\0')
		{
			add(renderer, "|\"");
			add_label(renderer, label);
			add(renderer, "\"|");
		}
		add_int(renderer, " n", node_number(renderer, to), "\n");
		if (taken)
			doc_array_add(renderer->marked_edges, doc_int(renderer->edges));
		renderer->edges++;
	}
	mem_free(way);
}

/* "$.total NumericGreaterThan 100", or the number of a rule that combines others. */
static const char *
rule_label(const Doc *rule, uint32_t number)
{
	const char *variable = doc_get_text(rule, "Variable");
	char	   *label = mem_alloc(32);

	snprintf(label, 32, "rule %u", number + 1);
	for (uint32_t i = 0; variable != NULL && i < rule->length; i++)
	{
		const char *key = rule->members[i].key;
		const char *operand;
		size_t		size;

		if (strcmp(key, "Variable") == 0 || strcmp(key, "Next") == 0 || strcmp(key, "Assign") == 0 || strcmp(key, "Comment") == 0)
			continue;
		operand = doc_write(rule->members[i].value, NULL);
		size = strlen(variable) + strlen(key) + strlen(operand) + 3;
		label = mem_alloc(size);
		snprintf(label, size, "%s %s %s", variable, key, operand);
	}
	return label;
}

static void
add_edges(Renderer *renderer, const AslState *state)
{
	const Doc  *choices = doc_get(state->source, "Choices");

	add_edge(renderer, state, state->next, state->type == ASL_CHOICE ? "default" : "", false);
	for (uint32_t i = 0; i < state->rule_count; i++)
		add_edge(renderer, state, state->rules[i].next, rule_label(choices->items[i], i), false);
	for (uint32_t i = 0; i < state->catcher_count; i++)
		add_edge(renderer, state, state->catchers[i].next,
				 state->catchers[i].errors.count > 0 ? state->catchers[i].errors.names[0] : "", true);
	add_edge(renderer, state, state->compensate_state, "compensate", true);
}

static void
add_machine(Renderer *renderer, const AslMachine *machine)
{
	base_check_stack();
	for (uint32_t i = 0; i < machine->count; i++)
		add_node(renderer, &machine->states[i]);
	for (uint32_t i = 0; i < machine->count; i++)
	{
		const AslState *state = &machine->states[i];

		base_check_interrupts();
		for (uint32_t j = 0; j < state->branch_count; j++)
		{
			if (renderer->drawing == ASL_GRAPHVIZ)
				add_int(renderer, "  subgraph cluster_", renderer->clusters++, " {\n  label=\"");
			else
				add_int(renderer, "  subgraph c", renderer->clusters++, "[\"");
			add_label(renderer, state->name);
			if (state->type == ASL_PARALLEL)
				add_int(renderer, ", branch ", (int64_t) j + 1, "");
			else
				add(renderer, ", each item");
			add(renderer, renderer->drawing == ASL_GRAPHVIZ ? "\";\n" : "\"]\n");
			add_machine(renderer, state->branches[j]);
			add(renderer, renderer->drawing == ASL_GRAPHVIZ ? "  }\n" : "  end\n");
			add_edge(renderer, state, state->branches[j]->start, "", true);
		}
	}
	for (uint32_t i = 0; i < machine->count; i++)
		add_edges(renderer, &machine->states[i]);
}

/* Which states and ways a run has taken. */
static void
mark(Renderer *renderer, const Doc *entered)
{
	Doc		   *states = doc_object();
	Doc		   *ways = doc_object();

	for (uint32_t i = 0; doc_is(entered, DOC_ARRAY) && i < entered->length; i++)
	{
		const Doc  *name = entered->items[i];
		const Doc  *count;
		int64_t		times = 0;

		if (name->kind != DOC_STRING)
			continue;
		count = doc_get(states, name->text);
		if (count != NULL)
			doc_to_int64(count, &times);
		doc_object_add(states, name->text, doc_int(times + 1));
		if (i > 0 && entered->items[i - 1]->kind == DOC_STRING)
		{
			const Doc  *before = entered->items[i - 1];
			size_t		size = (size_t) before->length + name->length + 2;
			char	   *way = mem_alloc(size);

			snprintf(way, size, "%s\n%s", before->text, name->text);
			doc_object_add(ways, way, doc_null());
			mem_free(way);
		}
	}
	renderer->states = states;
	renderer->ways = ways;
}

char *
asl_render(const AslMachine *machine, const Doc *entered, AslDrawing drawing)
{
	Renderer	renderer = {.drawing = drawing, .root = machine->root, .size = 1024};

	renderer.text = mem_alloc(renderer.size);
	renderer.marked_edges = doc_array();
	mark(&renderer, entered);
	add(&renderer, drawing == ASL_GRAPHVIZ ? "digraph workflow {\n  start [shape=point];\n" : "flowchart TD\n  start((\" \"))\n");
	add_machine(&renderer, machine);
	add_int(&renderer, drawing == ASL_GRAPHVIZ ? "  start -> n" : "  start --> n", node_number(&renderer, machine->start),
			drawing == ASL_GRAPHVIZ ? ";\n}\n" : "\n");
	if (drawing == ASL_MERMAID)
		add(&renderer, "  classDef entered fill:#98fb98\n");
	for (uint32_t i = 0; drawing == ASL_MERMAID && i < renderer.marked_edges->length; i++)
	{
		add(&renderer, "  linkStyle ");
		add(&renderer, renderer.marked_edges->items[i]->text);
		add(&renderer, " stroke:green,stroke-width:3px\n");
	}
	return renderer.text;
}

const Doc *
asl_sequence(const char *const *functions, int count)
{
	Doc		   *definition = doc_object();
	Doc		   *states = doc_object();
	Doc		   *counts = doc_object();
	Doc		   *before = NULL;

	for (int i = 0; i < count; i++)
	{
		Doc		   *state = doc_object();
		size_t		length = strlen(functions[i]);
		char	   *resource = mem_alloc(length + 5);
		char	   *name = mem_alloc(length + 32);
		int64_t		number = 1;

		/* Names of states have at most 80 characters, those of functions may have more. */
		if (length > 80 - 12)
			snprintf(name, length + 32, "step %d", i + 1);
		else
		{
			if (doc_get(counts, functions[i]) != NULL)
				doc_to_int64(doc_get(counts, functions[i]), &number);
			snprintf(name, length + 32, number > 1 ? "%s %lld" : "%s", functions[i], (long long) number);
			doc_object_add(counts, functions[i], doc_int(number + 1));
		}
		snprintf(resource, length + 5, "sql:%s", functions[i]);
		doc_object_add(state, "Type", doc_text("Task"));
		doc_object_add(state, "Resource", doc_text(resource));
		if (before == NULL)
			doc_object_add(definition, "StartAt", doc_text(name));
		else
			doc_object_add(before, "Next", doc_text(name));
		doc_object_add(states, name, state);
		before = state;
	}
	if (before != NULL)
		doc_object_add(before, "End", doc_bool(true));
	doc_object_add(definition, "States", states);
	return definition;
}
