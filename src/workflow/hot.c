/*
 * hot.c
 *		An executor's memory of the branches that it is working on.
 */
#include "compat.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "workflow/hot.h"

/* When there are more, or they hold more, all are forgotten: it is only a cache. */
#define HOT_MAX_BRANCHES	512
#define HOT_MAX_BYTES		((Size) 64 * 1024 * 1024)

typedef struct HotKey
{
	int64		run_id;
	int64		branch_id;		/* 8 bytes wide, so that the key has no padding */
} HotKey;

typedef struct HotBranch
{
	HotKey		key;
	int			last_seq;
	int			steps;
	Jsonb	   *input;
	Jsonb	   *variables;
	Jsonb	   *run_input;
	Jsonb	   *item;
} HotBranch;

static HTAB *table = NULL;
static MemoryContext context = NULL;

static HotKey
key_of(const Step *step)
{
	return (HotKey) {step->run_id, step->branch_id};
}

static void
prepare(void)
{
	HASHCTL		control = {0};

	if (table != NULL)
		return;
	context = AllocSetContextCreate(TopMemoryContext, "dalp hot branches", ALLOCSET_DEFAULT_SIZES);
	control.keysize = sizeof(HotKey);
	control.entrysize = sizeof(HotBranch);
	control.hcxt = context;
	table = hash_create("dalp hot branches", 128, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void
hot_forget_all(void)
{
	if (context != NULL)
		MemoryContextDelete(context);
	context = NULL;
	table = NULL;
}

static Jsonb *
copy(MemoryContext where, const Jsonb *document)
{
	return document == NULL ? NULL :
		memcpy(MemoryContextAlloc(where, VARSIZE(document)), document, VARSIZE(document));
}

/*
 * Copies: a document that a state hands on as it is gets into the batch's
 * writes, which are flushed when hot_keep() has long dropped what it replaces.
 */
bool
hot_recall(Step *step)
{
	HotKey		key = key_of(step);
	HotBranch  *branch;

	prepare();
	branch = hash_search(table, &key, HASH_FIND, NULL);
	if (branch == NULL || branch->last_seq != step->last_seq)
		return false;
	step->input = copy(CurrentMemoryContext, branch->input);
	step->variables = copy(CurrentMemoryContext, branch->variables);
	step->run_input = copy(CurrentMemoryContext, branch->run_input);
	step->item = copy(CurrentMemoryContext, branch->item);
	return true;
}

int
hot_steps(const Step *step)
{
	HotKey		key = key_of(step);
	HotBranch  *branch;

	prepare();
	branch = hash_search(table, &key, HASH_FIND, NULL);
	return branch == NULL ? 0 : branch->steps;
}

static void
drop(Jsonb *document)
{
	if (document != NULL)
		pfree(document);
}

void
hot_keep(const Step *step)
{
	HotKey		key = key_of(step);
	bool		found;
	HotBranch  *branch;

	prepare();
	if (!step->stays_ready)
	{
		branch = hash_search(table, &key, HASH_REMOVE, &found);
		if (found)
		{
			drop(branch->input);
			drop(branch->variables);
			drop(branch->run_input);
			drop(branch->item);
		}
		return;
	}

	branch = hash_search(table, &key, HASH_ENTER, &found);
	if (found)
	{
		drop(branch->input);
		drop(branch->variables);
		drop(branch->run_input);
		drop(branch->item);
	}
	branch->steps = found ? branch->steps + 1 : 1;
	branch->last_seq = step->last_seq;
	branch->input = copy(context, step->input);
	branch->variables = copy(context, step->variables);
	branch->run_input = copy(context, step->run_input);
	branch->item = copy(context, step->item);

	if (hash_get_num_entries(table) > HOT_MAX_BRANCHES ||
		MemoryContextMemAllocated(context, true) > HOT_MAX_BYTES)
		hot_forget_all();
}
