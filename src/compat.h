/*
 * compat.h
 *		Differences between PostgreSQL 14 and 18, in one place.
 *
 * The code spells the newest API; older servers are emulated here.
 */
#ifndef DALP_COMPAT_H
#define DALP_COMPAT_H

#include "postgres.h"

#include "fmgr.h"
#include "pgstat.h"

#if PG_VERSION_NUM < 140000 || PG_VERSION_NUM >= 190000
#error "dalp compiles against PostgreSQL 14 to 18"
#endif

/*
 * The library hides its symbols (-fvisibility=hidden), so that none of them
 * meets one of the server's.  What SQL calls is marked; 15 and older do not
 * do that by themselves.
 */
#define DALP_FUNCTION(name) \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name)

/* Module magic with a name and version since 18. */
#ifdef PG_MODULE_MAGIC_EXT
#define DALP_MODULE_MAGIC(n, v) PG_MODULE_MAGIC_EXT(.name = n, .version = v)
#else
#define DALP_MODULE_MAGIC(n, v) PG_MODULE_MAGIC
#endif

/* Named wait events since 17; before, all of ours show as "Extension". */
#if PG_VERSION_NUM >= 170000
#include "utils/wait_event.h"
#else
#define WaitEventExtensionNew(name) PG_WAIT_EXTENSION
#endif

/* Event sets belong to a resource owner since 17 (NULL: the session), to a context before. */
#if PG_VERSION_NUM < 170000
#include "storage/latch.h"
#include "utils/memutils.h"
#define CreateWaitEventSet(owner, events) \
	((void) (owner), CreateWaitEventSet(TopMemoryContext, events))
#endif

/* One access check for all kinds of objects since 16; before, one a kind: dalp asks about functions only. */
#if PG_VERSION_NUM < 160000
#include "catalog/pg_proc.h"
#include "utils/acl.h"

static inline AclResult
object_aclcheck(Oid class_id, Oid object, Oid role, AclMode mode)
{
	Assert(class_id == ProcedureRelationId);
	(void) class_id;
	return pg_proc_aclcheck(object, role, mode);
}
#endif

/* Input functions report softly since 16, where their caller asks for that. */
#if PG_VERSION_NUM < 160000
#define ereturn(context, value, ...) ereport(ERROR, __VA_ARGS__)
#endif

/* 14 has no InitMaterializedSRF. */
#if PG_VERSION_NUM < 150000
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/tuplestore.h"

static inline void
InitMaterializedSRF(FunctionCallInfo fcinfo, bits32 flags)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old;
	TupleDesc	descriptor;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) ||
		(rsinfo->allowedModes & SFRM_Materialize) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setResult = tuplestore_begin_heap(true, false, work_mem);
	rsinfo->setDesc = CreateTupleDescCopy(descriptor);
	MemoryContextSwitchTo(old);
}
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

/* What check hooks give to assign hooks: the server's own memory for settings since 16, malloc before. */
#if PG_VERSION_NUM < 160000
#define guc_malloc(level, size) malloc(size)
#define guc_free(pointer) free(pointer)
#endif

/* One function for all kinds of objects since 16; dalp asks about databases only. */
#if PG_VERSION_NUM < 160000
#define object_ownercheck(class, object, role) \
	((void) (class), pg_database_ownercheck(object, role))
#endif

/*
 * What core/table*.c asks the executor for: whether an update touches indexes
 * has three answers since 16, and some functions got arguments.
 */
#if PG_VERSION_NUM >= 160000
#define UpdateIndexes TU_UpdateIndexes
#define UPDATES_INDEXES(answer) ((answer) != TU_None)
#define EXEC_INSERT_INDEX_TUPLES(target, slot, estate, update, no_error, conflict) \
	ExecInsertIndexTuples(target, slot, estate, update, no_error, conflict, NIL, false)
#else
#define UpdateIndexes bool
#define UPDATES_INDEXES(answer) (answer)
#define EXEC_INSERT_INDEX_TUPLES(target, slot, estate, update, no_error, conflict) \
	ExecInsertIndexTuples(target, slot, estate, update, no_error, conflict, NIL)
#endif
#if PG_VERSION_NUM >= 180000
#define EXEC_CHECK_INDEX_CONSTRAINTS(target, slot, estate, conflict) \
	ExecCheckIndexConstraints(target, slot, estate, conflict, &(slot)->tts_tid, NIL)
#define INDEX_BEGINSCAN(heap, index, snapshot, keys, orderbys) \
	index_beginscan(heap, index, snapshot, NULL, keys, orderbys)
#else
#define EXEC_CHECK_INDEX_CONSTRAINTS(target, slot, estate, conflict) \
	ExecCheckIndexConstraints(target, slot, estate, conflict, NIL)
#define INDEX_BEGINSCAN(heap, index, snapshot, keys, orderbys) \
	index_beginscan(heap, index, snapshot, keys, orderbys)
#endif

/* 14 has erand48 only. */
#if PG_VERSION_NUM >= 150000
#include "common/pg_prng.h"
#else
#include "port.h"

typedef struct pg_prng_state
{
	unsigned short words[3];
} pg_prng_state;

static inline void
pg_prng_seed(pg_prng_state *state, uint64 seed)
{
	for (int i = 0; i < 3; i++)
		state->words[i] = (unsigned short) (seed >> (16 * i));
}

static inline double
pg_prng_double(pg_prng_state *state)
{
	return pg_erand48(state->words);
}

static inline pg_prng_state *
session_prng(void)
{
	static pg_prng_state state;
	static bool seeded = false;

	if (!seeded)
		seeded = pg_strong_random(&state, sizeof(state));
	return &state;
}
#define pg_global_prng_state (*session_prng())
#endif

/* Written in front since 18, behind before. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn __attribute__((noreturn))
#endif

/*
 * Functions that have kept their names.  A macro of that name may only be
 * defined behind the declaration.
 */

/* 14 has the one for constant parameter types under its old name. */
#if PG_VERSION_NUM < 150000
#include "tcop/tcopprot.h"
#define pg_analyze_and_rewrite_fixedparams(statement, sql, types, count, environment) \
	pg_analyze_and_rewrite(statement, sql, types, count, environment)
#endif

/* Reports softly since 16, where its caller asks for that. */
#if PG_VERSION_NUM < 160000
#include "utils/regproc.h"
#define stringToQualifiedNameList(string, context) \
	((void) (context), stringToQualifiedNameList(string))
#endif

/* Whether a portal is run once only was an argument until 17. */
#if PG_VERSION_NUM < 180000
#include "tcop/pquery.h"
#define PortalRun(portal, count, top, receiver, other_receiver, completion) \
	PortalRun(portal, count, top, true, receiver, other_receiver, completion)
#endif

/* 14 flushes each message by itself. */
#if PG_VERSION_NUM < 150000
#include "storage/shm_mq.h"
#define shm_mq_send(queue, length, data, nowait, flush) \
	((void) (flush), shm_mq_send(queue, length, data, nowait))
#endif

#endif							/* DALP_COMPAT_H */
