/*
 * pause_store.c
 *		SQL on what is paused.
 *
 * In executors and in operators' backends.
 */
#include "compat.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "core/clock.h"
#include "core/spi.h"
#include "workflow/pause.h"

/* Asked before each step: while nothing was ever paused (or is cleaned up) the table has no page to look at. */
static bool
is_unused(void)
{
	Relation	table = table_open(get_relname_relid("pause", get_namespace_oid("dalp_workflow", false)), AccessShareLock);
	bool		unused = RelationGetNumberOfBlocks(table) == 0;

	table_close(table, AccessShareLock);
	return unused;
}

char *
pause_of_run(int64 run_id)
{
	/* The lock lets a resume wait until what this transaction parks is there to be resumed. */
	static Statement find = {
		"SELECT u.name FROM dalp_workflow.run_data d JOIN dalp_workflow.pause u ON u.kind OPERATOR(pg_catalog.=) 'tenant'"
		" AND d.tags OPERATOR(pg_catalog.->) 'tenant' OPERATOR(pg_catalog.=) pg_catalog.to_jsonb(u.name)"
		" WHERE d.run_id OPERATOR(pg_catalog.=) $1 FOR SHARE OF u",
		1, {INT8OID}
	};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[1] = {Int64GetDatum(run_id)};

	if (is_unused() || store_write(&find, values, NULL, 1) == 0)
		return NULL;
	return MemoryContextStrdup(context, store_text(0, 1));
}

bool
pause_store_set(const char *kind, const char *name)
{
	static Statement insert = {
		"INSERT INTO dalp_workflow.pause (kind, name, since) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
		3, {TEXTOID, TEXTOID, TIMESTAMPTZOID}
	};
	Datum		values[3] = {
		CStringGetTextDatum(kind), CStringGetTextDatum(name), TimestampTzGetDatum(clock_now())
	};

	return store_write(&insert, values, NULL, 0) > 0;
}

bool
pause_store_clear(const char *kind, const char *name)
{
	static Statement clear = {
		"DELETE FROM dalp_workflow.pause WHERE kind OPERATOR(pg_catalog.=) $1 AND name OPERATOR(pg_catalog.=) $2",
		2, {TEXTOID, TEXTOID}
	};
	Datum		values[2] = {CStringGetTextDatum(kind), CStringGetTextDatum(name)};

	return store_write(&clear, values, NULL, 0) > 0;
}
