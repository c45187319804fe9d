/*
 * journal_partition.c
 *		Making partitions of the journal, and giving back old ones.
 *
 * The scheduler makes them ahead; whoever is about to write and finds none makes
 * it: ids may jump (start_many, a restored sequence), and a run must not fail for
 * want of a table.  A new partition is made apart and then attached, which stops
 * nobody from reading or writing the journal.
 *
 * Dropping one needs the strongest lock on all of the journal.  While it is
 * waited for, everybody else would queue behind; so it is waited for shortly, and
 * tried again later.  The first partition is the extension's own and can't be
 * dropped: it is emptied, which locks only itself.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/resowner.h"

#include "catalog/pg_type.h"
#include "core/settings.h"
#include "core/spi.h"
#include "workflow/journal_partition.h"

/* With so many runs in the newest partition the next one is made. */
#define AHEAD 10000

/* Executors may be held up for so long, in milliseconds. */
#define LOCK_WAIT "100"

static char *
partition_name(int64 number)
{
	return psprintf("journal_p" INT64_FORMAT, number);
}

static bool
partition_exists(int64 number)
{
	Oid			schema = get_namespace_oid("dalp_workflow", false);

	return OidIsValid(get_relname_relid(partition_name(number), schema));
}

static void
make(int64 number)
{
	Oid			journal;
	char	   *name;
	const char *texts[3];

	if (partition_exists(number))
		return;
	/* One at a time; this lock is what attaching takes anyway. */
	journal = get_relname_relid("journal", get_namespace_oid("dalp_workflow", false));
	LockRelationOid(journal, ShareUpdateExclusiveLock);
	if (partition_exists(number))
		return;

	name = partition_name(number);
	texts[0] = psprintf("CREATE TABLE dalp_workflow.%s (LIKE dalp_workflow.journal INCLUDING ALL)", name);
	texts[1] = psprintf("ALTER TABLE dalp_workflow.%s ADD PRIMARY KEY (run_id, branch_id, seq)", name);
	texts[2] = psprintf("ALTER TABLE dalp_workflow.journal ATTACH PARTITION dalp_workflow.%s"
						" FOR VALUES FROM (" INT64_FORMAT ") TO (" INT64_FORMAT ")",
						name, number * JOURNAL_PARTITION_RUNS, (number + 1) * JOURNAL_PARTITION_RUNS);
	for (int i = 0; i < 3; i++)
		store_command(texts[i]);
}

void
journal_partition_ensure(int64 run_id)
{
	make(run_id / JOURNAL_PARTITION_RUNS);
}

static int64
last_run_id(void)
{
	static Statement last = {"SELECT last_value FROM dalp_workflow.run_id_seq", 0, {0}};

	store_write(&last, NULL, NULL, 1);
	return ((int64) dalp_cell << 48) + store_int64(0, 1);
}

void
journal_partitions_ahead(void)
{
	int64		run_id = last_run_id();

	journal_partition_ensure(run_id);
	/* Not before there are runs: into an empty database a dump may bring partitions of its own. */
	if (run_id % JOURNAL_PARTITION_RUNS >= AHEAD)
		make(run_id / JOURNAL_PARTITION_RUNS + 1);
}

/* Whether a run can still be seen or go on there; its journal is kept. */
static bool
has_runs(int64 number)
{
	static Statement find = {
		"SELECT EXISTS (SELECT FROM dalp_workflow.run r WHERE r.run_id OPERATOR(pg_catalog.>=) $1"
		" AND r.run_id OPERATOR(pg_catalog.<) $2) OR EXISTS (SELECT FROM dalp_workflow.run_done f"
		" WHERE f.run_id OPERATOR(pg_catalog.>=) $1 AND f.run_id OPERATOR(pg_catalog.<) $2)",
		2, {INT8OID, INT8OID}
	};
	Datum		values[2] = {
		Int64GetDatum(number == 0 ? PG_INT64_MIN : number * JOURNAL_PARTITION_RUNS),
		Int64GetDatum((number + 1) * JOURNAL_PARTITION_RUNS)
	};

	store_write(&find, values, NULL, 1);
	return store_bool(0, 1);
}

static bool
first_is_empty(void)
{
	static Statement look = {"SELECT NOT EXISTS (SELECT FROM ONLY dalp_workflow.journal_p0)", 0, {0}};

	store_write(&look, NULL, NULL, 1);
	return store_bool(0, 1);
}

/* A command that needs a strong lock: false where others hold on to theirs. */
static bool
try_command(const char *text)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool done = true;

	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		MemoryContextSwitchTo(context);
		(void) set_config_option("lock_timeout", LOCK_WAIT, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL,
								 true, 0, false);
		store_command(text);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
			ReThrowError(error);
		done = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return done;
}

bool
journal_partition_retire(void)
{
	static Statement list = {
		"SELECT c.relname::text FROM pg_catalog.pg_inherits i"
		" JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.inhrelid"
		" WHERE i.inhparent OPERATOR(pg_catalog.=) 'dalp_workflow.journal'::regclass"
		" ORDER BY pg_catalog.length(c.relname), c.relname",
		0, {0}
	};
	int64		current = last_run_id() / JOURNAL_PARTITION_RUNS;
	int			count = (int) store_write(&list, NULL, NULL, 0);
	int64	   *numbers = palloc(sizeof(int64) * Max(count, 1));

	for (int i = 0; i < count; i++)
		if (sscanf(store_text(i, 1), "journal_p" INT64_FORMAT, &numbers[i]) != 1)
			numbers[i] = current;
	for (int i = 0; i < count; i++)
	{
		if (numbers[i] >= current || has_runs(numbers[i]))
			continue;
		if (numbers[i] == 0)
		{
			if (!first_is_empty() && try_command("TRUNCATE ONLY dalp_workflow.journal_p0"))
				return true;
		}
		else if (try_command(psprintf("DROP TABLE dalp_workflow.%s", partition_name(numbers[i]))))
			return true;
	}
	return false;
}
