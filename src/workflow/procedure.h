/*
 * procedure.h
 *		Durable procedures: a run that is written as code.
 *
 * An executor calls the procedure of a run alone, outside of any batch, with
 * transaction control (procedure_call.c).  What the procedure has dalp do, a
 * step, a wait, a transaction, is an entry of the run's journal.  Called again
 * after a crash or a wait, the procedure gets what the entries say instead of
 * having it done again (procedure_memory.c), until it asks for something new.
 *
 * What the procedure asks can make it end early: it has to wait, or doesn't fit
 * its entries.  Then an error unwinds it that WHEN OTHERS doesn't catch, and
 * procedure.c writes down what the run does next.
 *
 * Executors only, but for procedure_define_sql.c.
 */
#ifndef DALP_PROCEDURE_H
#define DALP_PROCEDURE_H

#include "compat.h"

#include "utils/hsearch.h"

#include "chain/chain.h"
#include "workflow/handler.h"
#include "workflow/step.h"

/* The kinds of entries. */
#define ENTRY_STEP			"step"
#define ENTRY_SIGNAL		"signal"
#define ENTRY_SLEEP			"sleep"
#define ENTRY_SUBMIT		"submit"
#define ENTRY_TRANSACTION	"transaction"

/* One thing that the procedure asked for, and what came of it. */
typedef struct ProcedureEntry
{
	const char *kind;			/* ENTRY_* */
	const char *name;			/* "charge", "charge#2" */
	const char *call;			/* the function, the signal, the transaction */
	TimestampTz begun;			/* 0 = there is a row about that */
	TimestampTz at;				/* when it was over: dalp.now() from then on */
	bool		failed;
	Jsonb	   *result;			/* or NULL */
	const char *error;			/* of a failed one */
	const char *cause;

	/* An exception block or ROLLBACK of the procedure took its effects back; asked again, it has to do so again. */
	bool		rolled_back;

	/* The subtransaction that has the effects, the row in the journal; invalid = none, or committed. */
	SubTransactionId effects_in;
	SubTransactionId row_in;
	bool		written;		/* the row is there */
} ProcedureEntry;

/* Why a procedure ends before its end. */
typedef enum ProcedureUnwind
{
	UNWIND_NONE,
	UNWIND_WAIT,				/* the wait of ProcedureCall */
	UNWIND_MISMATCH,			/* it asks for something else than it did before */
	UNWIND_ERROR,			/* the outcome says what */
	UNWIND_YIELD,				/* it has had its share of time: again at once, behind the others */
	UNWIND_GONE,				/* cancelled, paused, or somebody else went on with it */
	UNWIND_CHECKED				/* a check: it fits as far as the entries go */
} ProcedureUnwind;

typedef struct ProcedureCall
{
	MemoryContext context;		/* everything here */
	MemoryContext scratch;		/* one question of the procedure */
	int64		run_id;
	const Definition *definition;
	TimestampTz started_at;
	int			attempt;
	Jsonb	   *input;
	bool		check;			/* nothing new is done */

	ProcedureEntry **entries;
	int			count;
	int			capacity;
	int			position;		/* of the next one to be asked for */
	int			kept;			/* entries that were there at the beginning of the call */
	int			base_entry;		/* branch.entry then */
	int			written;		/* rows written by this call */
	int			open_from;		/* entries before this one have nothing that isn't committed */
	HTAB	   *names;			/* how often each was used */
	const char *question;		/* name, with its number, that the last question was about */

	TimestampTz now;
	pg_prng_state random;
	TimestampTz called_at;
	TimestampTz limited_at;		/* what it does without asking may take dalp.step_timeout from then on */
	bool		in_step;

	/* How it ends. */
	ProcedureUnwind unwind;
	const char *wait_kind;		/* UNWIND_WAIT: ENTRY_SIGNAL, ENTRY_SLEEP or ENTRY_TRANSACTION */
	const char *wait_name;		/* of the entry that it will be */
	const char *wait_call;
	int64		wait_reference; /* transaction, 0 = none */
	int64		wait_time;		/* microseconds: how long to sleep, or to wait at most; 0 = no limit */
	int			mismatch_number;	/* UNWIND_MISMATCH: of the entry, from 1 */
	const char *remembered;
	const char *asked;
	bool		went_on;		/* the procedure has caught the error that unwinds it */

	Jsonb	   *result;
	HandlerOutcome outcome;		/* HANDLER_DONE, or what failed */
} ProcedureCall;

/* procedure_call.c */

/*
 * Calls the procedure and says in the call how it ended; what it committed is
 * committed, all else is rolled back.  Outside of a transaction.
 */
extern void procedure_call(ProcedureCall *call);

/* The call that is under way in this process; NULL = none. */
extern ProcedureCall *procedure_current(void);

/* Raises DL003: the procedure caught what unwinds it, and went on. */
pg_noreturn extern void procedure_went_on_error(void);

/* Begins a time limit for what the procedure does by itself. */
extern void procedure_limit_time(ProcedureCall *call);

/* Ends the procedure. */
pg_noreturn extern void procedure_unwind(ProcedureCall *call, ProcedureUnwind why);

/*
 * Does what dalp writes for the procedure: writable, as the extension's owner,
 * in memory that is free afterwards.  What goes wrong with it unwinds the
 * procedure: it isn't for its exception blocks.
 */
extern void procedure_do(ProcedureCall *call, void (*work) (void *argument), void *argument);

/* procedure_sql.c: raises what the entry failed with. */
extern void procedure_raise(const ProcedureEntry *entry);

/* procedure_memory.c */

/* The call of a claimed run, with its entries, in a context of its own below parent, which outlives the transaction. Needs an open store. */
extern ProcedureCall *procedure_prepare(MemoryContext parent, const Step *step, bool check);

/* The entry that answers the question; NULL = it is new. May unwind. */
extern ProcedureEntry *procedure_ask(ProcedureCall *call, const char *kind, const char *name, const char *what);

/* The new entry that the question just asked has become; effects = it belongs to the transaction. */
extern ProcedureEntry *procedure_remember(ProcedureCall *call, const char *kind, const char *what, TimestampTz begun,
										  Jsonb *result, const char *error, const char *cause, bool effects);

/* Are there effects that no COMMIT has made last? */
extern bool procedure_has_uncommitted(const ProcedureCall *call);

/* Locks the run for the rest of the transaction. Unwinds where it isn't where this call left it. Needs an open store. */
extern Step *procedure_lock(ProcedureCall *call);

/* Writes entries without a row, and where the branch stands. Needs an open store and the lock. */
extern void procedure_write(ProcedureCall *call, Step *step, BatchWrites *writes);
extern void procedure_write_all(ProcedureCall *call, Step *step);

/* The row of one entry. */
extern void procedure_journal(Step *step, const ProcedureEntry *entry, BatchWrites *writes);

/* Says in words what remembered and asked are. */
extern char *procedure_describe(const char *kind, const char *name, const char *call);

/* Follow the (sub)transactions of the call. */
extern void procedure_end_transaction(ProcedureCall *call, bool commits);
extern void procedure_end_subtransaction(ProcedureCall *call, bool commits, SubTransactionId mine, SubTransactionId parent);
/* Before a commit: raises where the procedure keeps what it took back before. */
extern void procedure_before_commit(ProcedureCall *call);

/* procedure_store.c; need an open store */

/* Rows of the journal that are entries, in order; calls add for each. */
extern void procedure_store_load(ProcedureCall *call, void (*add) (ProcedureCall *call, ProcedureEntry *entry));
/* The run's step rows go: it waits. */
extern void procedure_store_unready(int64 run_id);
/* The step row goes behind the others. */
extern void procedure_store_requeue(int64 run_id);
/* The oldest message that the transaction has ended, which nobody has taken; NULL = none. */
extern Message *procedure_store_transaction_end(int64 run_id, int64 transaction_id);
/* The signal that the run awaits. */
extern char *procedure_store_awaited_signal(int64 run_id);
/* Does it sleep, in this entry? */
extern bool procedure_store_sleeps(int64 run_id, int entry);
/* Live runs of a workflow, all (0) or of one version: List of int64 * in the context. */
extern List *procedure_store_live(MemoryContext context, int workflow_id, int definition_id);
/* The run runs another version from now on. */
extern void procedure_store_move(int64 run_id, int definition_id);

/* procedure.c */

/* In step_run(): a message, a time-out or the end of a sleep of a procedure's run; for READY_STEP, STEP_PROCEDURE. */
extern StepVerdict procedure_step(Step *step, BatchWrites *writes);

/* Calls the procedure of a run that procedure_step() said is due, and writes down what it does next. */
extern void procedure_turn(int64 run_id);

/* procedure_submit.c: a ChainSubmitHook */
extern bool procedure_submit(const char *wallet, const char *chain, ChainSubmit submit_request, void *request, int64 *id);

/* procedure_check.c */

/* Answers what dalp.replay_check asks the executors. */
extern void procedure_answer_checks(void);

#endif							/* DALP_PROCEDURE_H */
