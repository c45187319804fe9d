/*
 * drawing_store.c
 *		SQL of the way that a run took, from its journal.
 *
 * In a caller's backend; reads only.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "core/spi.h"
#include "workflow/drawing.h"

/* State entries of one run that a drawing counts; nobody reads a larger number on it. */
#define MAX_ENTRIES 100000

const Doc *
drawing_store_way(int64 run_id)
{
	/*
	 * The journal has what was done; the state to do next was entered, but may
	 * have left no row yet.  Before a delayed start nothing was entered.
	 */
	static Statement find = {
		"SELECT e.branch_id, e.state FROM (SELECT j.branch_id, j.entry, j.state FROM dalp_workflow.journal j"
		" WHERE j.run_id OPERATOR(pg_catalog.=) $1 AND j.state IS NOT NULL"
		" UNION SELECT b.branch_id, b.entry, b.state FROM dalp_workflow.branch b"
		" WHERE b.run_id OPERATOR(pg_catalog.=) $1 AND NOT EXISTS (SELECT FROM dalp_workflow.timer t"
		" WHERE t.run_id OPERATOR(pg_catalog.=) $1 AND t.kind OPERATOR(pg_catalog.=) 'start')) AS e ORDER BY e.branch_id, e.entry",
		1, {INT8OID}
	};
	Datum		values[1] = {Int64GetDatum(run_id)};
	uint64		count = store_read(&find, values, NULL, MAX_ENTRIES);
	Doc		   *way = doc_array();
	int			branch = 0;

	for (uint64 i = 0; i < count; i++)
	{
		if (store_int32(i, 1) != branch)
			doc_array_add(way, doc_null());
		branch = store_int32(i, 1);
		doc_array_add(way, doc_text(store_text(i, 2)));
	}
	return way;
}
