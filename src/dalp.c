/*
 * dalp.c
 *		Loading the library.
 *
 * Preloaded, it sets up everything.  Loaded late (LOAD, pg_upgrade's check, a
 * function called without preload) it defines what can be defined and returns
 * quietly; functions that need the rest say DL009.
 */
#include "compat.h"

#include "miscadmin.h"

#include "chain/chain.h"
#include "chain/endpoint_health.h"
#include "core/catalog.h"
#include "core/launcher.h"
#include "core/settings.h"
#include "core/shared.h"
#include "core/wake.h"
#include "custody/custody.h"
#include "dalp.h"
#include "workflow/workflow.h"

DALP_MODULE_MAGIC("dalp", DALP_VERSION);

void
_PG_init(void)
{
	/* pg_upgrade's servers must not be kept busy by us. */
	if (IsBinaryUpgrade)
		return;

	settings_init();
	catalog_init();
	wake_init();
	custody_init();
	chain_init();
	workflow_init();
	if (!process_shared_preload_libraries_in_progress)
		return;

	shared_init();
	endpoint_health_init();
	launcher_init();
	database_hold_init();
}
