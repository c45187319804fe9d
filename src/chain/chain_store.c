/*
 * chain_store.c
 *		See chain_store.h.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "chain/amount.h"
#include "chain/chain_store.h"
#include "core/errors.h"
#include "core/instance.h"
#include "core/spi.h"
#include "utils/builtins.h"

static Statement add_chain = {
	.sql = "INSERT INTO dalp_chain.chain"
	" (name, number, finality, fee_mode, min_tip, max_fee, bump_blocks, nonce_window, genesis_hash)"
	" VALUES ($1, $2::pg_catalog.numeric, $3, $4, $5::pg_catalog.numeric, $6::pg_catalog.numeric, $7, $8, $9)"
	" ON CONFLICT DO NOTHING",
	.argument_count = 9,
	.argument_types = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4OID, INT4OID, BYTEAOID}
};

static Statement find_chain = {
	.sql = "SELECT c.chain_id, c.number::pg_catalog.text, c.state OPERATOR(pg_catalog.=) 'halted'"
	" FROM dalp_chain.chain c WHERE c.name OPERATOR(pg_catalog.=) $1",
	.argument_count = 1, .argument_types = {TEXTOID}
};

static Statement set_chain_state = {
	.sql = "UPDATE dalp_chain.chain SET"
	" state = CASE WHEN $2 IS NULL THEN 'enabled' ELSE 'halted' END, halt_reason = $2"
	" WHERE chain_id OPERATOR(pg_catalog.=) $1 AND halt_reason IS DISTINCT FROM $2",
	.argument_count = 2, .argument_types = {INT4OID, TEXTOID}
};

static Statement add_endpoint = {
	.sql = "INSERT INTO dalp_chain.endpoint (chain_id, url, priority, max_batch, timeout_ms, weight)"
	" VALUES ($1, $2, $3, COALESCE($4, 100), $5, $6)"
	" ON CONFLICT (chain_id, url) DO NOTHING RETURNING endpoint_id",
	.argument_count = 6, .argument_types = {INT4OID, TEXTOID, INT4OID, INT4OID, INT4OID, INT4OID}
};

bool
chain_store_add(const NewChain *chain)
{
	Datum		values[9] = {0};
	char		nulls[] = "         ";

	values[0] = CStringGetTextDatum(chain->name);
	values[1] = CStringGetTextDatum(amount_text(&chain->number));
	values[2] = CStringGetTextDatum(chain->finality);
	values[3] = CStringGetTextDatum(chain->fee_mode);
	values[4] = CStringGetTextDatum(amount_text(&chain->min_tip));
	if (chain->has_max_fee)
		values[5] = CStringGetTextDatum(amount_text(&chain->max_fee));
	else
		nulls[5] = 'n';
	values[6] = Int32GetDatum(chain->bump_blocks);
	values[7] = Int32GetDatum(chain->nonce_window);
	if (chain->genesis_hash != NULL)
	{
		bytea	   *hash = palloc(VARHDRSZ + 32);

		SET_VARSIZE(hash, VARHDRSZ + 32);
		memcpy(VARDATA(hash), chain->genesis_hash, 32);
		values[8] = PointerGetDatum(hash);
	}
	else
		nulls[8] = 'n';
	instance_claim();
	return store_write(&add_chain, values, nulls, 0) > 0;
}

bool
chain_store_find(const char *name, ChainRow *row)
{
	Datum		values[] = {CStringGetTextDatum(name)};

	if (store_write(&find_chain, values, NULL, 1) == 0)
		return false;
	row->id = store_int32(0, 1);
	row->number = store_text(0, 2);
	row->halted = store_bool(0, 3);
	return true;
}

bool
chain_is_known(const char *name)
{
	ChainRow	row;

	return chain_store_find(name, &row);
}

void
chain_find(const char *name, ChainRow *row)
{
	if (!chain_store_find(name, row))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_UNKNOWN_OBJECT),
				 errmsg("chain \"%s\" does not exist", name),
				 errdetail("Names are case-sensitive."),
				 errhint("The view dalp.chains lists the chains; dalp.create_chain makes one.")));
}

bool
chain_store_set_state(int chain_id, const char *halt_reason)
{
	Datum		values[] = {Int32GetDatum(chain_id), halt_reason ? CStringGetTextDatum(halt_reason) : (Datum) 0};

	return store_write(&set_chain_state, values, halt_reason ? NULL : " n", 0) > 0;
}

int
endpoint_store_add(int chain_id, const char *url, int priority, int max_batch, int timeout_ms, int weight)
{
	Datum		values[] = {
		Int32GetDatum(chain_id), CStringGetTextDatum(url), Int32GetDatum(priority),
		Int32GetDatum(max_batch), Int32GetDatum(timeout_ms), Int32GetDatum(weight)
	};
	char		nulls[] = "      ";

	if (max_batch == 0)
		nulls[3] = 'n';
	if (timeout_ms == 0)
		nulls[4] = 'n';
	return store_write(&add_endpoint, values, nulls, 0) == 0 ? 0 : store_int32(0, 1);
}
