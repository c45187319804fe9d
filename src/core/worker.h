/*
 * worker.h
 *		The life of dalp's background workers.
 *
 * One static launcher a cluster; dynamic workers a database, one or more of
 * each class.  A class gives functions, worker.c the life around them: signal
 * handlers, connection, setting overrides, the loop, SIGHUP, the check that
 * the extension is still there, memory, activity and statistics.
 *
 * The turn is called with no transaction open and CurrentMemoryContext a
 * context that is reset before each turn.  It does its work in short
 * transactions (worker_begin / worker_commit) and returns how long to sleep.
 * An ERROR out of a turn ends the process; the launcher starts it again with
 * back-off.
 */
#ifndef DALP_WORKER_H
#define DALP_WORKER_H

#include "postgres.h"

typedef enum WorkerKind
{
	WORKER_SCHEDULER,			/* first: it also finds out whether the extension is installed */
	WORKER_EXECUTOR,
	WORKER_BROADCASTER,
	WORKER_SIGNER,
	WORKER_VERIFIER,
	WORKER_KINDS
} WorkerKind;

#define WORKER_MAX_PER_KIND 16

typedef struct WorkerClass
{
	const char *name;			/* "executor": shown as "dalp executor" */
	int			(*count) (void);	/* how many a database */
	void		(*start) (void);	/* once, connected, no transaction; may be NULL */
	long		(*turn) (void);	/* returns milliseconds to sleep; 0 = go on at once */
	void		(*wait) (long timeout_ms);	/* waits for the latch or own sockets; NULL = latch only */
} WorkerClass;

/* Fills a place in the table of classes; from _PG_init. */
extern void worker_define(WorkerKind kind, const WorkerClass *worker_class);

/* Which one am I?  index is 0 .. count-1 within the kind; valid in a worker only. */
extern bool worker_is(WorkerKind kind);
extern int	worker_index(void);
extern int	worker_count(WorkerKind kind);
extern const char *worker_kind_name(WorkerKind kind);	/* NULL where no class has been defined */

/* One short transaction, with SPI open as the extension's owner and a snapshot pushed. Ends the process
 * quietly where the extension is gone, idles with one message where its version is another. */
extern void worker_begin(const char *activity);
extern void worker_commit(void);
/* Like worker_begin/commit but without SPI or snapshot: the caller manages them (executor). */
extern void worker_begin_bare(const char *activity);
extern void worker_commit_bare(void);

/* Lives as long as the process; CurrentMemoryContext in a turn is a child that is reset. */
extern MemoryContext worker_context(void);

/* Wakes workers of this database at once (SetLatch). From any process, outside spinlocks; for
 * wake-ups that belong to a transaction use wake_at_commit() of wake.h. */
extern void worker_wake(Oid database, WorkerKind kind);
extern void launcher_wake(void);

/* Is at least one worker of the kind attached in this database? */
extern bool worker_running(Oid database, WorkerKind kind);

#endif							/* DALP_WORKER_H */
