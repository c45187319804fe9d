/*
 * plan.h
 *		The compiled form of a machine, shared by the files that compile and
 *		those that decide.  Immutable once compiled.
 */
#ifndef DALP_ASL_PLAN_H
#define DALP_ASL_PLAN_H

#include "asl/choice.h"
#include "asl/findings.h"
#include "asl/scope.h"
#include "asl/template.h"

/* InputPath, OutputPath, ResultPath: absent is "$". */
typedef struct PathField
{
	bool		is_null;		/* null: nothing goes through */
	const Path *path;			/* NULL: "$" */
} PathField;

/* A number given as a literal or by a path. */
typedef struct NumberField
{
	const Doc  *literal;
	const Path *path;
} NumberField;

/* A text given as a literal, or by a path or function. */
typedef struct TextField
{
	const char *literal;
	bool		dynamic;
	Expression	expression;
} TextField;

typedef struct ErrorNames
{
	const char **names;
	uint32_t	count;
} ErrorNames;

typedef struct Retrier
{
	ErrorNames	errors;
	int64_t		interval;		/* seconds */
	int64_t		max_attempts;
	double		backoff_rate;
	int64_t		max_delay;		/* seconds; 0 = none */
	bool		full_jitter;
} Retrier;

typedef struct Catcher
{
	ErrorNames	errors;
	const char *next_name;
	const AslState *next;
	PathField	result_path;
	const Template *assign;
} Catcher;

typedef struct ChoiceRule
{
	const Rule *rule;
	const char *next_name;
	const AslState *next;
	const Template *assign;
} ChoiceRule;

/* Grouping of Map's items; an item then is {"BatchInput": …, "Items": […]}. */
typedef struct Batcher
{
	NumberField max_items;
	NumberField max_bytes;
	const Template *input;
} Batcher;

struct AslState
{
	const char *name;
	AslType		type;
	const AslMachine *machine;
	const Doc  *source;
	const char *next_name;
	const AslState *next;
	bool		end;

	PathField	input_path;
	PathField	output_path;
	PathField	result_path;
	const Template *parameters; /* Map: ItemSelector */
	const Template *result_selector;
	const Template *assign;

	Retrier    *retriers;
	uint32_t	retrier_count;
	Catcher    *catchers;
	uint32_t	catcher_count;

	const Doc  *result;			/* Pass */

	const char *resource;		/* Task */
	NumberField timeout;
	NumberField heartbeat;
	bool		isolated;
	const char *compensate;
	const AslState *compensate_state;

	ChoiceRule *rules;			/* Choice; its Default is `next` */
	uint32_t	rule_count;

	NumberField seconds;		/* Wait */
	const Path *timestamp_path;
	bool		has_timestamp;
	int64_t		timestamp;		/* microseconds since 1970 */

	TextField	error;			/* Fail */
	TextField	cause;

	AslMachine **branches;		/* Parallel, Map */
	uint32_t	branch_count;
	const Path *items_path;
	NumberField max_concurrency;
	NumberField tolerated_count;
	NumberField tolerated_percentage;
	const Batcher *batcher;
};

struct AslMachine
{
	const AslMachine *parent;	/* NULL for the outermost */
	const AslMachine *root;
	const char *start_name;
	const AslState *start;
	int64_t		timeout;		/* seconds; 0 = none */
	AslState   *states;
	uint32_t	count;
	const AslState **sorted;	/* of the root only: all states by name, nested ones too */
	uint32_t	sorted_count;
};

/* A state by name among all of the root, or NULL. */
extern const AslState *plan_find(const AslMachine *root, const char *name);

/* ------------------------------------------------------------------------
 * Compiling (compile.c, compile_fields.c, compile_states.c, compile_errors.c,
 * compile_resource.c, compile_graph.c)
 * ---------------------------------------------------------------------- */

typedef struct Compiler
{
	AslFindings *findings;
	Doc		   *names;			/* all names of states so far, for duplicates */
} Compiler;

/* Longest interval or time limit the original accepts. */
#define MAX_SECONDS INT64_C(99999999)

/* A nested machine or, with parent NULL, the outermost. */
extern AslMachine *compile_machine(Compiler *compiler, const Doc *source, const Where *where,
								   const AslMachine *parent, bool item_processor);

/* All fields of one state; its name and machine are set. */
extern void compile_state(Compiler *compiler, AslState *state, const Where *where);

/* Fields, each read by name from `source`; whatever is wrong becomes a finding at `where`.key. */
extern void field_path(Compiler *compiler, const Doc *source, const char *key, const Where *where, PathField *field);
extern void field_reference(Compiler *compiler, const Doc *source, const char *key, const Where *where, PathField *field);
extern const Path *field_plain_path(Compiler *compiler, const Doc *source, const char *key, const Where *where);
extern const Template *field_template(Compiler *compiler, const Doc *source, const char *key, const Where *where);
extern const Template *field_assign(Compiler *compiler, const Doc *source, const Where *where);
extern const char *field_text(Compiler *compiler, const Doc *source, const char *key, const Where *where);
extern bool field_bool(Compiler *compiler, const Doc *source, const char *key, const Where *where);
extern bool field_integer(Compiler *compiler, const Doc *source, const char *key, const Where *where,
						  int64_t least, int64_t most, int64_t *value);
extern void field_number(Compiler *compiler, const Doc *source, const char *key, const Where *where,
						 int64_t least, int64_t most, bool fraction, NumberField *field);
extern void field_text_or_path(Compiler *compiler, const Doc *source, const char *key, const Where *where, TextField *field);
extern void field_next(Compiler *compiler, AslState *state, const Where *where);

/* Findings for members of `source` that are not in the list (NULL-terminated). */
extern void fields_known(Compiler *compiler, const Doc *source, const Where *where,
						 const char *const *known, const char *of_what);

/* Retry and Catch of a state. */
extern void compile_retry(Compiler *compiler, AslState *state, const Where *where);
extern void compile_catch(Compiler *compiler, AslState *state, const Where *where);

/* A Task's Resource. */
extern void compile_resource(Compiler *compiler, AslState *state, const Where *where);

/* Resolves names of next states; finds unknown and unreachable ones and graphs without end. */
extern void compile_graph(Compiler *compiler, AslMachine *machine, const Where *where);

/* ------------------------------------------------------------------------
 * Deciding (decide.c, fork.c, retry.c)
 * ---------------------------------------------------------------------- */

/* The raw input through InputPath; NULL and a failure in the scope. */
extern const Doc *effective_input(const AslPosition *position, AslScope *scope);

/* Turns the scope's failure into a decision: retried, caught or final. */
extern void decide_failure(const AslPosition *position, const AslScope *scope, AslDecision *decision);

/* An integer from `least` on by a literal or path; false and a failure. Digits in a text count if `text`. */
extern bool number_evaluate(const NumberField *field, const char *name, AslScope *scope,
							int64_t least, int64_t most, bool text, int64_t *value);

/* A Parallel or Map is entered. */
extern void decide_fork(const AslPosition *position, AslDecision *decision);

#endif							/* DALP_ASL_PLAN_H */
