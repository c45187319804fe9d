/*
 * asl.h
 *		Amazon States Language: compile a definition once, then decide.
 *
 * Everything here is pure: facts in (state, input, variables, result or error,
 * the clock), decision out.  No catalogs, no clock, no randomness of its own,
 * no I/O (States.UUID alone asks the operating system for random bytes); the
 * executor in workflow/ gathers the facts, carries decisions out and stores them.  Built into unit tests and fuzz targets as it is.
 *
 * Specification: states-language.net (JSONPath dialect).  The corners are in
 * doc/states-language.md.
 */
#ifndef DALP_ASL_H
#define DALP_ASL_H

#include "core/document.h"

typedef struct AslMachine AslMachine;	/* a States object with its StartAt */
typedef struct AslState AslState;	/* one state, compiled */

typedef enum AslType
{
	ASL_PASS, ASL_TASK, ASL_CHOICE, ASL_WAIT, ASL_SUCCEED, ASL_FAIL, ASL_PARALLEL, ASL_MAP
} AslType;

/* ------------------------------------------------------------------------
 * Compile
 * ---------------------------------------------------------------------- */

typedef enum AslSeverity
{
	ASL_ERROR, ASL_WARNING
} AslSeverity;

typedef struct AslFinding
{
	AslSeverity severity;
	const char *path;			/* "$.States.Pay.Retry[0].MaxAttempts" */
	const char *message;		/* "must be a non-negative integer" */
} AslFinding;

typedef struct AslFindings
{
	AslFinding *items;
	int			count;
	int			capacity;
	int			errors;			/* how many of them are ASL_ERROR */
} AslFindings;

extern void asl_finding_add(AslFindings *findings, AslSeverity severity,
							const char *path, const char *format,...) pg_attribute_printf(4, 5);

/*
 * Compiles a definition; all findings at once.  NULL if any is an error.  The
 * machine points into the definition, which must live as long.
 */
extern const AslMachine *asl_compile(const Doc *definition, AslFindings *findings);

/* A state by name, in this machine or any nested in it (names are unique over all); NULL if none. */
extern const AslState *asl_find_state(const AslMachine *machine, const char *name);

/* Calls visit for every Task resource of the machine and those nested in it, for checks against catalogs. */
typedef void (*AslTaskVisitor) (const AslState *state, const char *path, const char *resource, void *argument);
extern void asl_visit_tasks(const AslMachine *machine, AslTaskVisitor visit, void *argument);

extern const AslState *asl_start(const AslMachine *machine);
extern int64_t asl_machine_timeout(const AslMachine *machine);	/* seconds; 0 = none */
extern const char *asl_state_name(const AslState *state);
extern AslType asl_state_type(const AslState *state);
extern bool asl_state_is_end(const AslState *state);
extern int asl_state_retriers(const AslState *state);	/* how many counters it needs */

/* Task: the Resource as written, e.g. "sql:app.reserve"; NULL for other types. */
extern const char *asl_task_resource(const AslState *state);

/* Task: its Parameters as they are written in the definition; NULL if it has none. */
extern const Doc *asl_task_parameters(const AslState *state);

/* Task: dalp's own fields. "Isolated": true; "Compensate": state name or NULL. */
extern bool asl_task_isolated(const AslState *state);
extern const char *asl_task_compensate(const AslState *state);

/* How deep Parallel and Map are nested in the machine: 0 = it has none. */
extern int asl_fork_depth(const AslMachine *machine);

/* Parallel: its branches.  Map: branch 0 is the item processor. */
extern int asl_branch_count(const AslState *state);
extern const AslMachine *asl_branch(const AslState *state, int branch);

/* ------------------------------------------------------------------------
 * Decide
 * ---------------------------------------------------------------------- */

/* Limits of one state's retry counters. */
#define ASL_MAX_RETRIERS 32

/* The facts of $$; built into a document only if an expression asks for it. */
typedef struct AslContext
{
	const char *execution_id;
	const char *execution_name;
	const Doc  *execution_input;
	int64_t		execution_start;	/* microseconds since 1970 */
	int			redrive_count;
	const char *machine_id;		/* "name:version" */
	const char *machine_name;
	int64_t		state_entered;	/* microseconds since 1970 */
	int64_t		entered_event;	/* number of the state's "entered" event, named in causes; 0 = unknown */
	int			retry_count;	/* of the current state, 0 at first */
	const char *task_token;		/* NULL unless .waitForTaskToken */
	const Doc  *map_item_value; /* NULL outside a Map iteration */
	int			map_item_index;
} AslContext;

/* Where one branch of a run stands: everything a decision depends on. */
typedef struct AslPosition
{
	const AslState *state;
	const Doc  *input;			/* the state's raw input */
	const Doc  *variables;		/* visible ones: object, or NULL for none */
	uint16_t	retries[ASL_MAX_RETRIERS];	/* used attempts, by retrier */
	const AslContext *context;
	int64_t		now;			/* microseconds since 1970 */
	double		random;			/* 0 <= random < 1, for jitter, MathRandom and UUID seeds */
	int64_t		max_payload;	/* bytes of compact JSON; 0 = unlimited */
} AslPosition;

typedef enum AslAction
{
	ASL_GO,						/* continue at `next` with `output` as its raw input */
	ASL_FINISH,					/* the machine ends with `output` */
	ASL_CALL,					/* Task: do `resource` with `output` as effective input */
	ASL_SLEEP,					/* Wait: until `until`, then asl_resume */
	ASL_FORK,					/* Parallel, Map: run branches; then asl_result with the array */
	ASL_RETRY,					/* enter the same state again after `delay` */
	ASL_FAILURE					/* the machine fails with `error`, `cause` */
} AslAction;

typedef struct AslDecision
{
	AslAction	action;
	const AslState *next;		/* ASL_GO */
	const Doc  *output;			/* ASL_GO, ASL_FINISH, ASL_CALL; ASL_FORK: effective input */
	const Doc  *variables;		/* after Assign: ASL_GO, ASL_FINISH */

	const char *error;			/* ASL_FAILURE, ASL_RETRY, and ASL_GO by a Catcher; may be NULL */
	const char *cause;			/* may be NULL */
	bool		caught;			/* ASL_GO by a Catcher */

	int			retrier;		/* ASL_RETRY: its number; position->retries is not changed */
	int64_t		delay;			/* ASL_RETRY: microseconds, jitter included */
	int64_t		until;			/* ASL_SLEEP: microseconds since 1970 */

	int64_t		timeout;		/* ASL_CALL: TimeoutSeconds; 0 = none given */
	int64_t		heartbeat;		/* ASL_CALL: HeartbeatSeconds; 0 = none given */

	/* ASL_FORK of a Map; for Parallel items is NULL and every branch gets `output` */
	const Doc  *items;			/* array: raw items (for $$.Map.Item.Value) */
	int			max_concurrency;	/* 0 = no limit */
	int64_t		tolerated_failures;	/* how many items may fail; -1 = none tolerated, fail with the item's own error */
} AslDecision;

/* Enters position->state: Pass, Choice, Succeed and Fail are decided completely. */
extern void asl_enter(const AslPosition *position, AslDecision *decision);

/* A Wait is over. */
extern void asl_resume(const AslPosition *position, AslDecision *decision);

/* A Task, Parallel or Map has its result: ResultSelector, Assign, ResultPath, OutputPath, Next. */
extern void asl_result(const AslPosition *position, const Doc *result, AslDecision *decision);

/* Effective input of one Map item (ItemSelector), evaluated when the item starts; position is the Map state's,
 * its context holds the item. false: decision is a failure of the Map state. */
extern bool asl_item_input(const AslPosition *position, const Doc **item_input, AslDecision *decision);

/* How a failure is known to ErrorEquals. */
typedef struct AslError
{
	const char *error;			/* the name that becomes "Error"; may be NULL */
	const char *aliases[3];		/* further names that match: SQLSTATE, condition name; NULL-terminated if fewer */
	const char *cause;			/* may be NULL */
	bool		permanent;		/* no Retry applies, Catch does (SQLSTATE DL020) */
	bool		from_task;		/* States.TaskFailed matches it */
} AslError;

/* position->state has failed: first matching retrier, then catchers, else ASL_FAILURE. */
extern void asl_error(const AslPosition *position, const AslError *error, AslDecision *decision);

#endif							/* DALP_ASL_H */
