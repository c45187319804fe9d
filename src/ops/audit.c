/*
 * audit.c
 *		Adding to the audit log.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/clock.h"
#include "core/spi.h"
#include "ops/audit.h"

void
audit_add(Oid actor, const char *action, const char *object, Jsonb *details)
{
	static Statement insert = {
		"INSERT INTO dalp_audit.entry (at, actor, action, object, details) VALUES ($1, $2::regrole, $3, $4, $5)",
		5, {TIMESTAMPTZOID, OIDOID, TEXTOID, TEXTOID, JSONBOID}
	};
	Datum		values[5] = {
		TimestampTzGetDatum(clock_now()), ObjectIdGetDatum(actor), CStringGetTextDatum(action),
		object ? CStringGetTextDatum(object) : (Datum) 0, JsonbPGetDatum(details)
	};
	char		nulls[5] = {' ', ' ', ' ', object ? ' ' : 'n', details ? ' ' : 'n'};

	store_write(&insert, values, nulls, 0);
}
