/*
 * catalog.h
 *		What this process knows of the extension in its database.
 *
 * Cached per process, forgotten through a relcache callback on a sentinel
 * table when the extension is dropped, created or updated.
 */
#ifndef DALP_CATALOG_H
#define DALP_CATALOG_H

#include "postgres.h"

/* The version that this library was built for; compared with pg_extension.extversion. */
#define DALP_VERSION "0.1.0"

typedef struct CatalogState
{
	Oid			extension;		/* InvalidOid: not installed here */
	Oid			owner;
	bool		version_matches;
	uint64		generation;		/* grows each time the extension is found to be another */
	Oid			address_type;	/* dalp.address */
} CatalogState;

/* Registers the invalidation callback; from _PG_init, in every process. */
extern void catalog_init(void);

/* Looks it up (in a transaction). Never NULL. */
extern const CatalogState *catalog_state(void);

/* The owner, or ERROR DL009 where the extension isn't installed. */
extern Oid	catalog_owner(void);

/* The sentinel table, InvalidOid where there is none (yet). */
extern Oid	catalog_sentinel(void);

/* Raises DL009 without preload, DL008 on a standby: for functions that write. */
extern void catalog_require_writable(void);
/* Raises DL009 without preload: for functions that need shared memory. */
extern void catalog_require_loaded(void);

/* Members of a dalp role: does the current user have it? */
extern bool catalog_user_is(const char *role_name);

#endif							/* DALP_CATALOG_H */
