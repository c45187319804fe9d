/*
 * poison.c
 *		Runs whose handlers kill the process that calls them.
 *
 * A process that is killed (by a fault, by the kernel for want of memory) takes
 * the server through a crash restart, and the run would be stepped again right
 * after it, for ever.  Shared memory doesn't outlive that and a row would cost a
 * commit a step; but what was written to a mapped file stays in the kernel.  So
 * each executor notes there which run's handler it is calling.  Whoever ends in
 * an orderly way, by an error or by SIGTERM, takes the note back; one that is
 * found at the start is a strike for that run.
 *
 * One file a database, in the folder that backups leave out; an entry an
 * executor, written by it alone but for forgiving.  A torn or lost file costs
 * nothing but strikes.
 */
#include "compat.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"

#include "core/worker.h"
#include "workflow/poison.h"

/* Others may be unlucky and in the same crash once, or twice. */
#define STRIKES 3

typedef struct PoisonEntry
{
	int64		calling;		/* run whose handler this executor is calling; 0 = none */
	int64		suspect;		/* run that had strikes; 0 = none */
	int64		strikes;
} PoisonEntry;

static PoisonEntry *entries = NULL;
static PoisonEntry *mine = NULL;

#define FILE_SIZE (WORKER_MAX_PER_KIND * sizeof(PoisonEntry))

static void
orderly_exit(int code, Datum argument)
{
	(void) code;
	(void) argument;
	mine->calling = 0;
}

static bool
map_file(void)
{
	char		path[MAXPGPATH];
	void	   *map = MAP_FAILED;
	int			fd;

	snprintf(path, sizeof(path), PG_STAT_TMP_DIR "/dalp_calls_%u", MyDatabaseId);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && ftruncate(fd, FILE_SIZE) == 0)
		map = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		ereport(WARNING,
				(errmsg("could not map file \"%s\": %m", path),
				 errdetail("A handler that crashes the server would be called again after each restart.")));
	else
		entries = map;
	if (fd >= 0)
		close(fd);
	return entries != NULL;
}

static void
strike(int64 run_id)
{
	PoisonEntry *entry = mine;

	for (int i = 0; i < WORKER_MAX_PER_KIND; i++)
		if (entries[i].suspect == run_id)
			entry = &entries[i];
	if (entry->suspect != run_id)
		entry->strikes = 0;
	entry->suspect = run_id;
	entry->strikes++;
	ereport(LOG,
			(errmsg("an executor was killed while it called a handler of run " INT64_FORMAT, run_id),
			 errdetail("That was strike " INT64_FORMAT " of %d.", entry->strikes, STRIKES)));
}

void
poison_start(void)
{
	int64		run_id;

	if (!map_file())
		return;
	mine = &entries[worker_index()];
	run_id = mine->calling;
	mine->calling = 0;
	before_shmem_exit(orderly_exit, (Datum) 0);
	if (run_id != 0)
		strike(run_id);
}

void
poison_calling(int64 run_id)
{
	if (mine != NULL)
		mine->calling = run_id;
}

void
poison_returned(int64 run_id)
{
	if (mine == NULL)
		return;
	mine->calling = 0;
	poison_forgive(run_id);
}

bool
poison_is_condemned(int64 run_id)
{
	for (int i = 0; entries != NULL && i < WORKER_MAX_PER_KIND; i++)
		if (entries[i].suspect == run_id && entries[i].strikes >= STRIKES)
			return true;
	return false;
}

void
poison_forgive(int64 run_id)
{
	for (int i = 0; entries != NULL && i < WORKER_MAX_PER_KIND; i++)
		if (entries[i].suspect == run_id)
			entries[i].suspect = entries[i].strikes = 0;
}
