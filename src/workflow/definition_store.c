/*
 * definition_store.c
 *		SQL on workflow, workflow_grant and definition.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "core/instance.h"
#include "core/spi.h"
#include "workflow/definition.h"
#include "workflow/hot_tables.h"

/* Takes the name, or finds who has it; the row lock keeps versions dense. */
int
definition_store_workflow(const char *name, Oid owner, Oid *existing_owner)
{
	static Statement insert = {
		"INSERT INTO dalp_workflow.workflow (name, owner) VALUES ($1, $2::regrole)"
		" ON CONFLICT (name) DO NOTHING",
		2, {TEXTOID, OIDOID}
	};
	static Statement lock = {
		"SELECT workflow_id, owner::oid FROM dalp_workflow.workflow"
		" WHERE name OPERATOR(pg_catalog.=) $1 FOR UPDATE",
		1, {TEXTOID}
	};
	Datum		values[2] = {CStringGetTextDatum(name), ObjectIdGetDatum(owner)};
	bool		isnull;

	instance_claim();
	store_write(&insert, values, NULL, 0);
	store_write(&lock, values, NULL, 1);
	*existing_owner = DatumGetObjectId(store_value(0, 2, &isnull));
	return store_int32(0, 1);
}

/* The version with this body, or a new one. Returns its number. */
int
definition_store_version(int workflow_id, const char *kind, Jsonb *body, const uint8 *fingerprint, Oid run_as,
						 const char *search_path, const char *comment, bool *created)
{
	static Statement find = {
		"SELECT version FROM dalp_workflow.definition WHERE workflow_id OPERATOR(pg_catalog.=) $1"
		" AND fingerprint OPERATOR(pg_catalog.=) $2",
		2, {INT4OID, BYTEAOID}
	};
	static Statement insert = {
		"INSERT INTO dalp_workflow.definition"
		" (workflow_id, version, kind, body, fingerprint, run_as, search_path, comment)"
		" SELECT $1, COALESCE(pg_catalog.max(d.version), 0) OPERATOR(pg_catalog.+) 1,"
		" $7, $3, $2, $4::regrole, $5, $6"
		" FROM dalp_workflow.definition d WHERE d.workflow_id OPERATOR(pg_catalog.=) $1"
		" RETURNING version",
		7, {INT4OID, BYTEAOID, JSONBOID, OIDOID, TEXTOID, TEXTOID, TEXTOID}
	};
	bytea	   *digest = palloc(VARHDRSZ + 32);
	Datum		values[7];
	char		nulls[7] = {' ', ' ', ' ', ' ', ' ', comment ? ' ' : 'n', ' '};

	SET_VARSIZE(digest, VARHDRSZ + 32);
	memcpy(VARDATA(digest), fingerprint, 32);
	values[0] = Int32GetDatum(workflow_id);
	values[1] = PointerGetDatum(digest);
	values[2] = JsonbPGetDatum(body);
	values[3] = ObjectIdGetDatum(run_as);
	values[4] = CStringGetTextDatum(search_path);
	values[5] = comment ? CStringGetTextDatum(comment) : (Datum) 0;
	values[6] = CStringGetTextDatum(kind);

	*created = store_write(&find, values, NULL, 1) == 0;
	if (*created)
		store_write(&insert, values, nulls, 1);
	return store_int32(0, 1);
}

/* Fills all but the machine, in CurrentMemoryContext; NULL if there is none. */
Jsonb *
definition_store_load(int definition_id, Definition *definition)
{
	static Statement load = {
		"SELECT d.workflow_id, d.version, w.name, d.run_as::oid, d.search_path, d.body,"
		" CASE d.kind WHEN 'procedure' THEN d.body OPERATOR(pg_catalog.->>) 'procedure' END"
		" FROM dalp_workflow.definition d JOIN dalp_workflow.workflow w"
		" ON w.workflow_id OPERATOR(pg_catalog.=) d.workflow_id"
		" WHERE d.definition_id OPERATOR(pg_catalog.=) $1",
		1, {INT4OID}
	};
	Datum		values[1] = {Int32GetDatum(definition_id)};
	MemoryContext context = CurrentMemoryContext;
	char	   *procedure;
	bool		isnull;

	if (store_write(&load, values, NULL, 1) == 0)
		return NULL;
	definition->definition_id = definition_id;
	definition->workflow_id = store_int32(0, 1);
	definition->version = store_int32(0, 2);
	definition->workflow = MemoryContextStrdup(context, store_text(0, 3));
	definition->run_as = DatumGetObjectId(store_value(0, 4, &isnull));
	definition->search_path = MemoryContextStrdup(context, store_text(0, 5));
	procedure = store_text(0, 7);
	definition->procedure = procedure ? MemoryContextStrdup(context, procedure) : NULL;
	return DatumGetJsonbP(store_copy(context, store_value(0, 6, &isnull)));
}

/* Sets version and definition_id of the workflow's version, 0 = the latest. */
static bool
find_version(int workflow_id, int version, WorkflowInfo *info)
{
	static const int key[] = {DEFINITION_WORKFLOW_ID, DEFINITION_VERSION};
	Table	   *table = table_begin_reading(&definition_table);
	TableScan  *scan = table_scan_begin(table, lengthof(key), key);
	Datum		values[] = {Int32GetDatum(workflow_id), Int32GetDatum(version)};
	bool		found;

	table_scan_prefix(scan, version == 0 ? 1 : 2, values);
	found = table_scan_last(scan);
	if (found)
	{
		info->definition_id = table_int32(scan, DEFINITION_DEFINITION_ID);
		info->version = table_int32(scan, DEFINITION_VERSION);
	}
	table_scan_end(scan);
	table_end(table);
	return found;
}

/* Each start asks this, so without SQL. */
bool
definition_store_find(const char *name, int version, WorkflowInfo *info)
{
	static const int key[] = {WORKFLOW_NAME};
	Table	   *table = table_begin_reading(&workflow_table);
	TableScan  *scan = table_scan_begin(table, lengthof(key), key);
	Datum		values[] = {CStringGetTextDatum(name)};
	bool		found;
	bool		isnull,
				any_number,
				any_rate;

	table_scan_key(scan, values);
	found = table_scan_next(scan);
	if (found)
	{
		info->workflow_id = table_int32(scan, WORKFLOW_WORKFLOW_ID);
		info->owner = DatumGetObjectId(table_value(scan, WORKFLOW_OWNER, &isnull));
		info->paused = table_bool(scan, WORKFLOW_PAUSED);
		(void) table_value(scan, WORKFLOW_MAX_RUNNING, &any_number);
		(void) table_value(scan, WORKFLOW_RATE_PER_SECOND, &any_rate);
		info->limited = !any_number || !any_rate;
		info->name = pstrdup(name);
	}
	table_scan_end(scan);
	table_end(table);
	return found && find_version(info->workflow_id, version, info);
}

bool
definition_store_workflow_exists(const char *name)
{
	static Statement find = {
		"SELECT 1 FROM dalp_workflow.workflow WHERE name OPERATOR(pg_catalog.=) $1",
		1, {TEXTOID}
	};
	Datum		values[1] = {CStringGetTextDatum(name)};

	return store_write(&find, values, NULL, 1) > 0;
}

/* Is the role a member of a grantee? */
bool
definition_store_granted(int workflow_id, Oid role)
{
	static Statement find = {
		"SELECT 1 FROM dalp_workflow.workflow_grant WHERE workflow_id OPERATOR(pg_catalog.=) $1"
		" AND pg_catalog.pg_has_role($2::oid, grantee::oid, 'USAGE') LIMIT 1",
		2, {INT4OID, OIDOID}
	};
	Datum		values[2] = {Int32GetDatum(workflow_id), ObjectIdGetDatum(role)};

	return store_write(&find, values, NULL, 1) > 0;
}

void
definition_store_grant(int workflow_id, Oid grantee, Oid grantor)
{
	static Statement insert = {
		"INSERT INTO dalp_workflow.workflow_grant (workflow_id, grantee, granted_by)"
		" VALUES ($1, $2::regrole, $3::regrole) ON CONFLICT DO NOTHING",
		3, {INT4OID, OIDOID, OIDOID}
	};
	Datum		values[3] = {Int32GetDatum(workflow_id), ObjectIdGetDatum(grantee), ObjectIdGetDatum(grantor)};

	store_write(&insert, values, NULL, 0);
}

void
definition_store_revoke(int workflow_id, Oid grantee)
{
	static Statement delete = {
		"DELETE FROM dalp_workflow.workflow_grant WHERE workflow_id OPERATOR(pg_catalog.=) $1"
		" AND grantee OPERATOR(pg_catalog.=) $2",
		2, {INT4OID, OIDOID}
	};
	Datum		values[2] = {Int32GetDatum(workflow_id), ObjectIdGetDatum(grantee)};

	store_write(&delete, values, NULL, 0);
}
