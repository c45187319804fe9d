/*
 * lane_store.c
 *		See lane_store.h.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "chain/lane_store.h"
#include "core/spi.h"
#include "utils/builtins.h"

static Statement ensure_lane = {
	.sql = "INSERT INTO dalp_chain.lane (chain_id, wallet_id) VALUES ($1, $2)"
	" ON CONFLICT (chain_id, wallet_id) DO NOTHING",
	.argument_count = 2, .argument_types = {INT4OID, INT4OID}
};

/* One index probe a wallet with queued requests, however many it has. */
static Statement ensure_waiting = {
	.sql = "WITH RECURSIVE waiting AS ("
	" (SELECT r.chain_id, r.wallet_id FROM dalp_chain.request r WHERE (r.state = 'QUEUED' OR r.state = 'SIGNING')"
	"  ORDER BY r.chain_id, r.wallet_id LIMIT 1)"
	" UNION ALL"
	" SELECT n.chain_id, n.wallet_id FROM waiting w CROSS JOIN LATERAL (SELECT r.chain_id, r.wallet_id"
	"  FROM dalp_chain.request r WHERE (r.state = 'QUEUED' OR r.state = 'SIGNING')"
	"  AND (r.chain_id, r.wallet_id) > (w.chain_id, w.wallet_id) ORDER BY r.chain_id, r.wallet_id LIMIT 1) n)"
	"INSERT INTO dalp_chain.lane (chain_id, wallet_id) SELECT w.chain_id, w.wallet_id FROM waiting w"
	" WHERE NOT EXISTS (SELECT FROM dalp_chain.lane l WHERE l.chain_id = w.chain_id AND l.wallet_id = w.wallet_id)"
	" ON CONFLICT (chain_id, wallet_id) DO NOTHING",
	.argument_count = 0
};

static Statement lock_lane = {
	.sql = "SELECT l.state FROM dalp_chain.lane l WHERE l.chain_id OPERATOR(pg_catalog.=) $1"
	" AND l.wallet_id OPERATOR(pg_catalog.=) $2 FOR NO KEY UPDATE",
	.argument_count = 2, .argument_types = {INT4OID, INT4OID}
};

static Statement pause_lane = {
	.sql = "UPDATE dalp_chain.lane SET state = 'paused', pause_kind = $3, pause_reason = $4"
	" WHERE chain_id OPERATOR(pg_catalog.=) $1 AND wallet_id OPERATOR(pg_catalog.=) $2",
	.argument_count = 4, .argument_types = {INT4OID, INT4OID, TEXTOID, TEXTOID}
};

static Statement resume_lane = {
	.sql = "UPDATE dalp_chain.lane SET pause_kind = NULL, pause_reason = NULL,"
	" state = CASE WHEN first_nonce IS NULL THEN 'new' ELSE 'active' END"
	" WHERE chain_id OPERATOR(pg_catalog.=) $1 AND wallet_id OPERATOR(pg_catalog.=) $2",
	.argument_count = 2, .argument_types = {INT4OID, INT4OID}
};

/* What waits for funds may get another reason to; nothing else takes the place of an earlier pause. */
static Statement pause_active = {
	.sql = "UPDATE dalp_chain.lane SET state = 'paused', pause_kind = $3, pause_reason = $4"
	" WHERE chain_id OPERATOR(pg_catalog.=) $1 AND wallet_id OPERATOR(pg_catalog.=) $2"
	" AND (state = 'active' OR (state = 'paused' AND pause_kind = 'funds' AND pause_reason <> $4))",
	.argument_count = 4, .argument_types = {INT4OID, INT4OID, TEXTOID, TEXTOID}
};

static Statement resume_funded = {
	.sql = "UPDATE dalp_chain.lane SET state = 'active', pause_kind = NULL, pause_reason = NULL"
	" WHERE chain_id OPERATOR(pg_catalog.=) $1 AND wallet_id OPERATOR(pg_catalog.=) $2"
	" AND state = 'paused' AND pause_kind = 'funds'",
	.argument_count = 2, .argument_types = {INT4OID, INT4OID}
};

void
lane_store_ensure(int chain_id, int wallet_id)
{
	Datum		values[] = {Int32GetDatum(chain_id), Int32GetDatum(wallet_id)};

	store_write(&ensure_lane, values, NULL, 0);
}

void
lane_store_ensure_waiting(void)
{
	store_write(&ensure_waiting, NULL, NULL, 0);
}

char *
lane_store_lock(int chain_id, int wallet_id)
{
	Datum		values[] = {Int32GetDatum(chain_id), Int32GetDatum(wallet_id)};

	return store_write(&lock_lane, values, NULL, 1) == 0 ? NULL : store_text(0, 1);
}

static void
lane_pause(Statement *statement, int chain_id, int wallet_id, const char *kind, const char *reason)
{
	Datum		values[] = {
		Int32GetDatum(chain_id), Int32GetDatum(wallet_id),
		CStringGetTextDatum(kind), CStringGetTextDatum(reason)
	};

	store_write(statement, values, NULL, 0);
}

void
lane_store_pause(int chain_id, int wallet_id, const char *kind, const char *reason)
{
	lane_pause(&pause_lane, chain_id, wallet_id, kind, reason);
}

void
lane_store_pause_active(int chain_id, int wallet_id, const char *kind, const char *reason)
{
	lane_pause(&pause_active, chain_id, wallet_id, kind, reason);
}

void
lane_store_resume(int chain_id, int wallet_id)
{
	Datum		values[] = {Int32GetDatum(chain_id), Int32GetDatum(wallet_id)};

	store_write(&resume_lane, values, NULL, 0);
}

void
lane_store_resume_funded(int chain_id, int wallet_id)
{
	Datum		values[] = {Int32GetDatum(chain_id), Int32GetDatum(wallet_id)};

	store_write(&resume_funded, values, NULL, 0);
}
