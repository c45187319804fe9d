/*
 * table_facts.c
 *		What this process knows of a table: columns, defaults, constraints.
 *
 * Kept by OID until a relcache event on the table.  Facts that are no longer
 * valid live on to the end of the transaction, because a table that is open
 * may use them: the locks that it holds let through only events that change
 * none of this (statistics).
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "core/table_facts.h"

static HTAB *known = NULL;

static void
relation_changed(Datum argument, Oid relation)
{
	HASH_SEQ_STATUS status;
	TableFacts *facts;

	(void) argument;
	if (OidIsValid(relation))
	{
		facts = hash_search(known, &relation, HASH_FIND, NULL);
		if (facts != NULL)
			facts->valid = false;
		return;
	}
	hash_seq_init(&status, known);
	while ((facts = hash_seq_search(&status)) != NULL)
		facts->valid = false;
}

static void
prepare(void)
{
	HASHCTL		control = {0};

	if (known != NULL)
		return;
	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(TableFacts);
	control.hcxt = TopMemoryContext;
	known = hash_create("dalp tables", 32, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
}

/* In the facts' context. */
static void
read_columns(const TableName *name, Relation relation, TableFacts *facts)
{
	TupleDesc	descriptor = RelationGetDescr(relation);

	for (int i = 0; i < name->column_count; i++)
	{
		facts->columns[i] = get_attnum(RelationGetRelid(relation), name->columns[i]);
		if (facts->columns[i] == InvalidAttrNumber)
			elog(ERROR, "table %s has no column %s", RelationGetRelationName(relation), name->columns[i]);
	}
	facts->defaults = palloc0(sizeof(Datum) * descriptor->natts);
	facts->default_nulls = palloc(sizeof(bool) * descriptor->natts);
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		Node	   *expression = attribute->attisdropped || !attribute->atthasdef ? NULL :
			build_column_default(relation, i + 1);

		facts->default_nulls[i] = true;
		if (expression == NULL)
			continue;
		expression = eval_const_expressions(NULL, expression);
		if (!IsA(expression, Const))
		{
			facts->computed_default = pstrdup(NameStr(attribute->attname));
			continue;
		}
		facts->default_nulls[i] = ((Const *) expression)->constisnull;
		if (!facts->default_nulls[i])
			facts->defaults[i] = datumCopy(((Const *) expression)->constvalue, attribute->attbyval, attribute->attlen);
	}
}

/* In the facts' context. */
static void
read_checks(Relation relation, TableFacts *facts)
{
	TupleConstr *constraints = RelationGetDescr(relation)->constr;

	facts->check_count = constraints == NULL ? 0 : constraints->num_check;
	facts->checks = palloc(sizeof(ExprState *) * facts->check_count);
	facts->check_names = palloc(sizeof(char *) * facts->check_count);
	for (int i = 0; i < facts->check_count; i++)
	{
		Node	   *expression = stringToNode(constraints->check[i].ccbin);

		facts->checks[i] = ExecInitExpr(expression_planner((Expr *) expression), NULL);
		facts->check_names[i] = pstrdup(constraints->check[i].ccname);
	}
	facts->econtext = CreateStandaloneExprContext();
}

const TableFacts *
table_facts(const TableName *name, Relation relation)
{
	Oid			oid = RelationGetRelid(relation);
	MemoryContext caller,
				context;
	TableFacts *facts;
	TableFacts	fresh = {.relation = oid};
	bool		found;

	prepare();
	facts = hash_search(known, &oid, HASH_FIND, NULL);
	if (facts != NULL && facts->valid)
		return facts;
	if (facts != NULL && facts->context != NULL)
	{
		MemoryContextSetParent(facts->context, TopTransactionContext);
		facts->context = NULL;
	}

	/* In a context of its own, which an ERROR leaves to the caller's abort. */
	context = AllocSetContextCreate(CurrentMemoryContext, "dalp table", ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	read_columns(name, relation, &fresh);
	read_checks(relation, &fresh);
	MemoryContextSwitchTo(caller);
	fresh.context = context;
	fresh.valid = true;
	MemoryContextSetParent(context, TopMemoryContext);
	facts = hash_search(known, &oid, HASH_ENTER, &found);
	*facts = fresh;
	return facts;
}

void
table_check(const Table *table, TupleTableSlot *slot)
{
	const TableFacts *facts = table->facts;
	TupleDesc	descriptor = RelationGetDescr(table->relation);

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (attribute->attnotnull && slot->tts_isnull[i] && !attribute->attisdropped)
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("null value in column \"%s\" of relation \"%s\" violates not-null constraint",
							NameStr(attribute->attname), RelationGetRelationName(table->relation)),
					 errtablecol(table->relation, i + 1)));
	}
	facts->econtext->ecxt_scantuple = slot;
	for (int i = 0; i < facts->check_count; i++)
	{
		bool		isnull;
		Datum		holds = ExecEvalExprSwitchContext(facts->checks[i], facts->econtext, &isnull);

		if (!isnull && !DatumGetBool(holds))
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 errmsg("new row for relation \"%s\" violates check constraint \"%s\"",
							RelationGetRelationName(table->relation), facts->check_names[i]),
					 errtableconstraint(table->relation, facts->check_names[i])));
	}
	ResetExprContext(facts->econtext);
}
