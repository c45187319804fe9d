/*
 * instance.c
 *		The mark that this database's state belongs here; see instance.h.
 *
 * In any backend or worker, with an open store, in the caller's transaction.
 */
#include "compat.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/catalog.h"
#include "core/errors.h"
#include "core/instance.h"
#include "core/spi.h"

InstanceState
instance_state(void)
{
	static Statement look = {"SELECT dalp.instance_state()", 0, {0}};
	const char *state;

	store_write(&look, NULL, NULL, 1);
	state = store_text(0, 1);
	return strcmp(state, "active") == 0 ? INSTANCE_ACTIVE :
		strcmp(state, "new") == 0 ? INSTANCE_NEW : INSTANCE_RECONCILING;
}

void
instance_adopt(Oid actor, const char *note)
{
	static Statement mark = {
		"INSERT INTO dalp_ops.instance (instance, system_identifier, database, adopted_at, adopted_by, note)"
		" SELECT i.instance, $1, $2, pg_catalog.clock_timestamp(), $3::regrole, $4 FROM dalp_ops.installation i"
		" ON CONFLICT DO NOTHING",
		4, {INT8OID, OIDOID, OIDOID, TEXTOID}
	};
	Datum		values[4] = {
		Int64GetDatum((int64) GetSystemIdentifier()), ObjectIdGetDatum(MyDatabaseId), ObjectIdGetDatum(actor),
		note != NULL ? CStringGetTextDatum(note) : (Datum) 0
	};
	char		nulls[4] = {' ', ' ', ' ', note != NULL ? ' ' : 'n'};

	store_write(&mark, values, nulls, 0);
}

void
instance_claim(void)
{
	if (instance_state() == INSTANCE_NEW)
		instance_adopt(GetSessionUserId(), NULL);
}

void
instance_require_home(void)
{
	static bool known = false;
	static uint64 known_generation = 0;
	uint64		generation = catalog_state()->generation;
	StoreScope	scope;
	InstanceState state;

	if (known && known_generation == generation)
		return;
	store_open(&scope);
	state = instance_state();
	store_close(&scope);
	if (state == INSTANCE_RECONCILING)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_IN_RECOVERY),
				 errmsg("the state of this database was brought from elsewhere"),
				 errdetail("Its original may still hand out the same tasks."),
				 errhint("When it is complete and the original is not at work any more, an operator calls dalp.adopt_instance(note).")));
	known = state == INSTANCE_ACTIVE;
	known_generation = generation;
}
