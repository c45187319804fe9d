/*
 * pass.c
 *		Places in the order of claims.
 *
 * In any process; see core/virtual_clock.h for what is kept.
 */
#include "compat.h"

#include "common/hashfn.h"
#include "datatype/timestamp.h"

#include "core/virtual_clock.h"
#include "workflow/pass.h"
#include "workflow/step.h"

StaticAssertDecl(READY_SHARDS == VIRTUAL_LANES, "each shard has a clock");

/*
 * Between two runs of a tenant in a shard.  Long, because while executors are
 * busy a tenant with more than one start a stride and shard must not count as
 * one that comes now; it costs nothing, as clocks follow what is taken.
 */
#define STRIDE USECS_PER_SEC

int64
pass_now(int shard)
{
	return virtual_now(shard);
}

uint64
pass_key(int workflow_id, const Jsonb *tags)
{
	JsonbValue	value;
	const char *text = "";
	int			length = 0;

	if (tags != NULL && JB_ROOT_IS_OBJECT(tags) &&
		getKeyJsonValueFromContainer((JsonbContainer *) &tags->root, "tenant", strlen("tenant"), &value) != NULL &&
		value.type == jbvString)
	{
		text = value.val.string.val;
		length = value.val.string.len;
	}
	return hash_bytes_extended((const unsigned char *) text, length, (uint64) workflow_id);
}

int64
pass_of_start(int shard, uint64 key)
{
	return virtual_turn(shard, key, STRIDE);
}

void
pass_reached(int shard, int64 pass)
{
	virtual_reached(shard, pass);
}
