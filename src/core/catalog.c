/*
 * catalog.c
 *		What this process knows of the extension in its database.
 *
 * In any process connected to a database, inside a transaction.  A present
 * extension is cached until a relcache event on its sentinel table, the table
 * dalp_ops.installation: DROP EXTENSION drops it, and install and update
 * scripts end with a call that invalidates it (core/wake_sql.c).  An absent
 * extension, or one whose script is still running, is looked up every time.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "core/catalog.h"
#include "core/errors.h"
#include "core/shared.h"

static CatalogState state;
static bool state_valid = false;

/* The table that is watched. */
static Oid	sentinel = InvalidOid;

/* Some relation changed since this was last cleared. */
static bool disturbed = false;

static void
sentinel_changed(Datum argument, Oid relation)
{
	(void) argument;
	disturbed = true;
	if (relation == InvalidOid || relation == sentinel)
		state_valid = false;
}

void
catalog_init(void)
{
	CacheRegisterRelcacheCallback(sentinel_changed, (Datum) 0);
}

/* Reads pg_extension, which has no syscache before 18. */
static void
extension_read(CatalogState *found)
{
	Relation	relation = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	memset(found, 0, sizeof(*found));
	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("dalp"));
	scan = systable_beginscan(relation, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_extension form = (Form_pg_extension) GETSTRUCT(tuple);
		bool		isnull;
		Datum		version = heap_getattr(tuple, Anum_pg_extension_extversion,
										   RelationGetDescr(relation), &isnull);

		found->extension = form->oid;
		found->owner = form->extowner;
		found->version_matches = !isnull && strcmp(TextDatumGetCString(version), DALP_VERSION) == 0;
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
}

const CatalogState *
catalog_state(void)
{
	CatalogState found;
	Oid			schema;

	if (state_valid)
		return &state;

	disturbed = false;
	extension_read(&found);
	found.generation = state.generation;
	if (found.extension != state.extension)
		found.generation++;
	sentinel = InvalidOid;
	if (OidIsValid(found.extension))
	{
		schema = get_namespace_oid("dalp_ops", true);
		if (OidIsValid(schema))
			sentinel = get_relname_relid("installation", schema);
		schema = get_namespace_oid("dalp", true);
		if (OidIsValid(schema))
			found.address_type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
												 CStringGetDatum("address"), ObjectIdGetDatum(schema));
	}
	state = found;

	/*
	 * An event that came in between may have been about what was read before
	 * it.  Another version is looked up until it is ours.
	 */
	state_valid = !disturbed && state.version_matches &&
		OidIsValid(sentinel) && OidIsValid(state.address_type);
	return &state;
}

Oid
catalog_sentinel(void)
{
	(void) catalog_state();
	return sentinel;
}

Oid
catalog_owner(void)
{
	const CatalogState *known = catalog_state();

	if (!OidIsValid(known->extension))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_NOT_LOADED),
				 errmsg("extension \"dalp\" is not installed in this database"),
				 errhint("Run CREATE EXTENSION dalp.")));
	return known->owner;
}

void
catalog_require_loaded(void)
{
	if (!shared_is_available())
		ereport(ERROR,
				(errcode(ERRCODE_DALP_NOT_LOADED),
				 errmsg("dalp is not loaded"),
				 errhint("Add dalp to shared_preload_libraries and restart the server.")));
}

void
catalog_require_writable(void)
{
	catalog_require_loaded();
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_DALP_IN_RECOVERY),
				 errmsg("recovery is in progress"),
				 errdetail("This server is a standby; dalp changes nothing on it."),
				 errhint("Connect to the primary, or promote this server.")));
}

bool
catalog_user_is(const char *role_name)
{
	Oid			role = get_role_oid(role_name, true);

	return OidIsValid(role) && has_privs_of_role(GetUserId(), role);
}
