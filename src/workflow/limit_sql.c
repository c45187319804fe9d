/*
 * limit_sql.c
 *		dalp.set_limits: arguments, call.
 *
 * In an operator's backend.
 */
#include "compat.h"

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "core/catalog.h"
#include "core/clock.h"
#include "core/errors.h"
#include "core/spi.h"
#include "ops/audit.h"
#include "workflow/arguments.h"
#include "workflow/limit.h"

DALP_FUNCTION(dalp_set_limits);

/* One start in eleven days to a thousand million a second: what arithmetic of times can count. */
#define RATE_LOW 1e-6
#define RATE_HIGH 1e9

Datum
dalp_set_limits(PG_FUNCTION_ARGS)
{
	char	   *workflow = required_text(fcinfo, 0, "workflow");
	int			max_running = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);
	double		rate = 0;
	StoreScope	scope;

	catalog_require_writable();
	if (!PG_ARGISNULL(1) && max_running < 1)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT), errmsg("max_running must be positive, or null for no limit")));
	if (!PG_ARGISNULL(2))
	{
		rate = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, PG_GETARG_DATUM(2)));
		/* A NaN fails it too. */
		if (!(rate >= RATE_LOW && rate <= RATE_HIGH))
			ereport(ERROR,
					(errcode(ERRCODE_DALP_INVALID_INPUT),
					 errmsg("rate_per_second must be between %g and %g, or null for no limit", RATE_LOW, RATE_HIGH)));
	}
	store_open(&scope);
	if (!limit_set(workflow, max_running, rate, clock_now()))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_UNKNOWN_OBJECT), errmsg("workflow \"%s\" does not exist", workflow)));
	audit_add(scope.user, "set_limits", psprintf("workflow %s", workflow), NULL);
	store_close(&scope);
	PG_RETURN_VOID();
}
