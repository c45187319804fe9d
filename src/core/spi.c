/*
 * spi.c
 *		The only door to SQL: kept plans, run as the extension's owner.
 *
 * In any process, inside a transaction with an active snapshot.  Plans live as
 * long as the process; when the extension is found to be another one (dropped
 * and created again), they are all forgotten, because argument types of the
 * extension have new OIDs.  Forgotten, not freed: a caller further up may be
 * in the middle of one.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "core/catalog.h"
#include "core/spi.h"

/* All statements that have a plan; grows, in TopMemoryContext. */
static Statement **planned = NULL;
static int	planned_count = 0;
static int	planned_size = 0;
static uint64 planned_generation = 0;

static void
plans_forget(void)
{
	for (int i = 0; i < planned_count; i++)
		planned[i]->plan = NULL;
	planned_count = 0;
}

static void
plan_remember(Statement *statement)
{
	if (planned_count == planned_size)
	{
		int			size = planned_size == 0 ? 64 : planned_size * 2;

		if (planned == NULL)
			planned = MemoryContextAlloc(TopMemoryContext, size * sizeof(Statement *));
		else
			planned = repalloc(planned, size * sizeof(Statement *));
		planned_size = size;
	}
	planned[planned_count++] = statement;
}

static SPIPlanPtr
statement_plan(Statement *statement)
{
	SPIPlanPtr	plan;

	if (statement->plan != NULL)
		return statement->plan;
	Assert(statement->argument_count <= STATEMENT_MAX_ARGUMENTS);
	plan = SPI_prepare(statement->sql, statement->argument_count, statement->argument_types);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", statement->sql, SPI_result_code_string(SPI_result));
	plan_remember(statement);
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "could not keep the plan of \"%s\"", statement->sql);
	statement->plan = plan;
	return plan;
}

static uint64
statement_execute(Statement *statement, Datum *values, const char *nulls, bool read_only, uint64 limit)
{
	MemoryContext caller = CurrentMemoryContext;
	int			result = SPI_execute_plan(statement_plan(statement), values, nulls, read_only, (long) limit);

	/* SPI leaves its own context behind. */
	MemoryContextSwitchTo(caller);
	if (result < 0)
		elog(ERROR, "could not run \"%s\": %s", statement->sql, SPI_result_code_string(result));
	return SPI_processed;
}

void
store_open(StoreScope *scope)
{
	Oid			owner = catalog_owner();
	uint64		generation = catalog_state()->generation;

	if (generation != planned_generation)
	{
		plans_forget();
		planned_generation = generation;
	}
	store_open_as_current();
	GetUserIdAndSecContext(&scope->user, &scope->security_context);
	SetUserIdAndSecContext(owner, scope->security_context | SECURITY_LOCAL_USERID_CHANGE);
}

void
store_close(StoreScope *scope)
{
	SetUserIdAndSecContext(scope->user, scope->security_context);
	store_close_as_current();
}

void
store_open_as_current(void)
{
	int			result = SPI_connect();

	if (result != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI: %s", SPI_result_code_string(result));
}

void
store_close_as_current(void)
{
	int			result = SPI_finish();

	if (result != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI: %s", SPI_result_code_string(result));
}

uint64
store_write(Statement *statement, Datum *values, const char *nulls, uint64 limit)
{
	return statement_execute(statement, values, nulls, false, limit);
}

uint64
store_read(Statement *statement, Datum *values, const char *nulls, uint64 limit)
{
	return statement_execute(statement, values, nulls, true, limit);
}

int
store_prefer_indexes(void)
{
	static const char *const off[] = {"enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin"};
	int			nest = NewGUCNestLevel();

	for (size_t i = 0; i < lengthof(off); i++)
		(void) set_config_option(off[i], "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("enable_indexscan", "on", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("plan_cache_mode", "force_generic_plan", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return nest;
}

void
store_end_preference(int nest)
{
	AtEOXact_GUC(false, nest);
}

void
store_command(const char *sql)
{
	MemoryContext caller = CurrentMemoryContext;
	int			result = SPI_execute(sql, false, 0);

	MemoryContextSwitchTo(caller);
	if (result < 0)
		elog(ERROR, "could not run \"%s\": %s", sql, SPI_result_code_string(result));
}

Datum
store_value(uint64 row, int column, bool *isnull)
{
	if (SPI_tuptable == NULL || row >= SPI_tuptable->numvals)
		elog(ERROR, "no row " UINT64_FORMAT " in the result", row);
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}

int64
store_int64(uint64 row, int column)
{
	bool		isnull;
	Datum		value = store_value(row, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

int32
store_int32(uint64 row, int column)
{
	bool		isnull;
	Datum		value = store_value(row, column, &isnull);

	return isnull ? 0 : DatumGetInt32(value);
}

bool
store_bool(uint64 row, int column)
{
	bool		isnull;
	Datum		value = store_value(row, column, &isnull);

	return !isnull && DatumGetBool(value);
}

char *
store_text(uint64 row, int column)
{
	bool		isnull;
	Datum		value = store_value(row, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

Datum
store_copy(MemoryContext context, Datum value)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	Datum		copy = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));

	MemoryContextSwitchTo(old);
	return copy;
}

void
store_commit(void)
{
	int			result = SPI_connect_ext(SPI_OPT_NONATOMIC);

	if (result != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI: %s", SPI_result_code_string(result));
	SPI_commit();
	store_close_as_current();
}
