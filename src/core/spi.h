/*
 * spi.h
 *		The only door to SQL: kept plans, run as the extension's owner.
 *
 * A *_store.c declares its statements as static Statement variables and runs
 * them between store_open() and store_close().  store_open() switches to the
 * owner of the extension (SECURITY_LOCAL_USERID_CHANGE), so that callers need
 * no rights on dalp's tables; whoever opens has checked the caller's rights
 * before.  Every SQL function that gets here has search_path pinned in its
 * definition, workers have it pinned in their session, and texts qualify all
 * names.  An ERROR in between needs no cleanup: the abort of the
 * (sub)transaction restores the user and closes SPI.
 */
#ifndef DALP_SPI_H
#define DALP_SPI_H

#include "postgres.h"

#include "executor/spi.h"

#define STATEMENT_MAX_ARGUMENTS 24

typedef struct Statement
{
	const char *sql;
	int			argument_count;
	Oid			argument_types[STATEMENT_MAX_ARGUMENTS];
	SPIPlanPtr	plan;			/* made at first use, kept for the life of the process */
} Statement;

typedef struct StoreScope
{
	Oid			user;
	int			security_context;
} StoreScope;

/* Connects SPI and becomes the extension's owner. Errors: DL009 where the extension isn't there. */
extern void store_open(StoreScope *scope);
extern void store_close(StoreScope *scope);

/*
 * Runs a statement; rows are in SPI_tuptable, their number in SPI_processed
 * and the result.  nulls as for SPI ('n' = null, ' ' = value), NULL for none;
 * limit 0 = all rows.  store_read uses the caller's snapshot of this command
 * and must not write.
 */
extern uint64 store_write(Statement *statement, Datum *values, const char *nulls, uint64 limit);
extern uint64 store_read(Statement *statement, Datum *values, const char *nulls, uint64 limit);

/*
 * Until the end of the preference the planner takes indexes and nested loops:
 * for lookups in tables that fill and empty all the time, whatever statistics
 * and the caller's session say.  The end of a transaction ends it as well.
 */
extern int	store_prefer_indexes(void);
extern void store_end_preference(int nest);

/* Runs a utility command whose text holds no value of a user. Needs an open store. */
extern void store_command(const char *sql);

/* Column (from 1) of a row (from 0) of the last result; by-reference values live until store_close. */
extern Datum store_value(uint64 row, int column, bool *isnull);
extern int64 store_int64(uint64 row, int column);	/* NULL gives 0 */
extern int32 store_int32(uint64 row, int column);
extern bool store_bool(uint64 row, int column);		/* NULL gives false */
extern char *store_text(uint64 row, int column);	/* palloc'd in SPI's memory; NULL for NULL */

/* A copy of a variable-length Datum (text, bytea, jsonb, numeric) in another memory context, detoasted. */
extern Datum store_copy(MemoryContext context, Datum value);

/* COMMIT, from a procedure in C that was called with transaction control; the next transaction has begun. No store is open. */
extern void store_commit(void);

/*
 * Inside a step, where SPI is opened on behalf of a user's function: plain
 * connect without changing the user.  For calling handlers see workflow/.
 */
extern void store_open_as_current(void);
extern void store_close_as_current(void);

#endif							/* DALP_SPI_H */
