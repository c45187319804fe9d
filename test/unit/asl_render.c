/*
 * asl_render.c
 *		Promise: machines are drawn with the way a run took, sequences are
 *		complete definitions, and one state can be tried alone.
 */
#include "asl/render.h"
#include "asl/simulate.h"

#include "check.h"

static const Doc *
parse(const char *text)
{
	return doc_parse(text, strlen(text), NULL);
}

static const AslMachine *
compile(const Doc *definition)
{
	AslFindings findings = {0};
	const AslMachine *machine = asl_compile(definition, &findings);

	for (int i = 0; i < findings.count; i++)
		printf("# %s: %s\n", findings.items[i].path, findings.items[i].message);
	return machine;
}

static const char *const definition =
"{\"StartAt\":\"Check \\\"it\\\"\",\"States\":{"
"\"Check \\\"it\\\"\":{\"Type\":\"Choice\",\"Choices\":[{\"Variable\":\"$.n\",\"NumericGreaterThan\":1,\"Next\":\"Pay\"},"
"{\"And\":[{\"Variable\":\"$.n\",\"IsNull\":true}],\"Next\":\"Pay\"}],\"Default\":\"Fan\"},"
"\"Pay\":{\"Type\":\"Task\",\"Resource\":\"sql:pay\",\"Compensate\":\"Undo\",\"Catch\":[{\"ErrorEquals\":[\"E<1>\"],\"Next\":\"No\"}],\"Next\":\"Fan\"},"
"\"Undo\":{\"Type\":\"Task\",\"Resource\":\"sql:undo\",\"End\":true},"
"\"No\":{\"Type\":\"Fail\"},"
"\"Fan\":{\"Type\":\"Map\",\"ItemsPath\":\"$.l\",\"ItemProcessor\":{\"StartAt\":\"Item\",\"States\":{\"Item\":{\"Type\":\"Succeed\"}}},\"End\":true}}}";

static void
test_drawings(void)
{
	const AslMachine *machine = compile(parse(definition));
	const Doc  *entered = parse("[\"Check \\\"it\\\"\",\"Pay\",\"Fan\",\"Item\",\"Item\"]");

	check_text(asl_render(machine, entered, ASL_GRAPHVIZ),
			   "digraph workflow {\n"
			   "  start [shape=point];\n"
			   "  n0 [label=\"Check \\\"it\\\"\", shape=diamond, style=filled, fillcolor=palegreen];\n"
			   "  n4 [label=\"Pay\", shape=box, style=filled, fillcolor=palegreen];\n"
			   "  n5 [label=\"Undo\", shape=box];\n"
			   "  n3 [label=\"No\", shape=doubleoctagon];\n"
			   "  n1 [label=\"Fan\", shape=component, style=filled, fillcolor=palegreen];\n"
			   "  subgraph cluster_0 {\n"
			   "  label=\"Fan, each item\";\n"
			   "  n2 [label=\"Item (2×)\", shape=doublecircle, style=filled, fillcolor=palegreen];\n"
			   "  }\n"
			   "  n1 -> n2 [label=\"\", style=dashed, penwidth=2.5, color=green];\n"
			   "  n0 -> n1 [label=\"default\"];\n"
			   "  n0 -> n4 [label=\"$.n NumericGreaterThan 1\", penwidth=2.5, color=green];\n"
			   "  n0 -> n4 [label=\"rule 2\", penwidth=2.5, color=green];\n"
			   "  n4 -> n1 [label=\"\", penwidth=2.5, color=green];\n"
			   "  n4 -> n3 [label=\"E<1>\", style=dashed];\n"
			   "  n4 -> n5 [label=\"compensate\", style=dashed];\n"
			   "  start -> n0;\n"
			   "}\n", "Graphviz, with the way of a run");
	check_text(asl_render(machine, NULL, ASL_MERMAID),
			   "flowchart TD\n"
			   "  start((\" \"))\n"
			   "  n0{\"Check #34;it#34;\"}\n"
			   "  n4[\"Pay\"]\n"
			   "  n5([\"Undo\"])\n"
			   "  n3([\"No\"])\n"
			   "  n1([\"Fan\"])\n"
			   "  subgraph c0[\"Fan, each item\"]\n"
			   "  n2([\"Item\"])\n"
			   "  end\n"
			   "  n1 -.-> n2\n"
			   "  n0 -->|\"default\"| n1\n"
			   "  n0 -->|\"$.n NumericGreaterThan 1\"| n4\n"
			   "  n0 -->|\"rule 2\"| n4\n"
			   "  n4 --> n1\n"
			   "  n4 -.->|\"E#60;1#62;\"| n3\n"
			   "  n4 -.->|\"compensate\"| n5\n"
			   "  start --> n0\n"
			   "  classDef entered fill:#98fb98\n", "Mermaid, without a run");
	check(strstr(asl_render(machine, entered, ASL_MERMAID), ":::entered\n") != NULL &&
		  strstr(asl_render(machine, entered, ASL_MERMAID), "linkStyle 0 stroke") != NULL, "Mermaid, with the way of a run");
}

static void
test_sequences(void)
{
	const char *const functions[] = {"app.reserve", "app.pay", "app.reserve",
	"a_schema_with_quite_a_long_name_of_fifty_characters.and_a_function_with_another_long_name"};
	const Doc  *sequence = asl_sequence(functions, 4);

	check_text(doc_write(sequence, NULL),
			   "{\"StartAt\":\"app.reserve\",\"States\":{"
			   "\"app.reserve\":{\"Type\":\"Task\",\"Resource\":\"sql:app.reserve\",\"Next\":\"app.pay\"},"
			   "\"app.pay\":{\"Type\":\"Task\",\"Resource\":\"sql:app.pay\",\"Next\":\"app.reserve 2\"},"
			   "\"app.reserve 2\":{\"Type\":\"Task\",\"Resource\":\"sql:app.reserve\",\"Next\":\"step 4\"},"
			   "\"step 4\":{\"Type\":\"Task\",\"Resource\":\"sql:a_schema_with_quite_a_long_name_of_fifty_characters.and_a_function_with_another_long_name\",\"End\":true}}}",
			   "a sequence");
	check(compile(sequence) != NULL, "it compiles");
}

static void
test_one_state(void)
{
	const Doc  *source = parse(definition);
	const AslMachine *machine = compile(source);
	AslSimulation simulation = {0};

	simulation.machine = machine;
	simulation.only = asl_find_state(machine, "Pay");
	simulation.input = parse("{\"a\":1}");
	simulation.mocks = parse("{\"Pay\":{\"result\":7}}");
	simulation.max_steps = 10;
	asl_simulate(&simulation);
	check_text(doc_write(asl_simulation_report(&simulation), NULL),
			   "{\"status\":\"SUCCEEDED\",\"output\":7,\"next_state\":\"Fan\",\"trace\":[\"Pay\"],"
			   "\"calls\":[{\"state\":\"Pay\",\"input\":{\"a\":1},\"timeout\":0,\"heartbeat\":0}],\"delays\":[],\"waits\":[]}",
			   "one state alone");
	simulation.mocks = parse("{\"Pay\":[{\"error\":\"E<1>\",\"cause\":\"c\"}]}");
	asl_simulate(&simulation);
	check_text(doc_write(asl_simulation_report(&simulation), NULL),
			   "{\"status\":\"CAUGHT_ERROR\",\"output\":{\"Error\":\"E<1>\",\"Cause\":\"c\"},\"next_state\":\"No\",\"error\":\"E<1>\",\"cause\":\"c\",\"trace\":[\"Pay\"],"
			   "\"calls\":[{\"state\":\"Pay\",\"input\":{\"a\":1},\"timeout\":0,\"heartbeat\":0}],\"delays\":[],\"waits\":[]}",
			   "one state whose error is caught");
	simulation.mocks = parse("{\"Pay\":[{\"error\":\"X\"}]}");
	asl_simulate(&simulation);
	check(simulation.output == NULL && strcmp(simulation.error, "X") == 0 && simulation.next_state == NULL, "one state that fails");
	simulation.only = NULL;
	simulation.input = parse("{\"n\":0,\"l\":[1,2]}");
	asl_simulate(&simulation);
	check_text(doc_write(simulation.trace, NULL), "[\"Check \\\"it\\\"\",\"Fan\",\"Item\",\"Item\"]", "all of the machine");
	check_text(doc_write(simulation.output, NULL), "[1,2]", "its output");
	simulation.max_steps = 2;
	asl_simulate(&simulation);
	check(simulation.output == NULL, "no more steps than allowed");
}

int
main(void)
{
	test_drawings();
	test_sequences();
	test_one_state();
	mem_reset();
	return check_done();
}
