/*
 * definition.h
 *		Workflow definitions: looking up, compiling, caching.
 *
 * A definition is immutable, so that each process keeps what it compiled by
 * definition_id for as long as the extension's generation stays.
 */
#ifndef DALP_DEFINITION_H
#define DALP_DEFINITION_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "asl/asl.h"

typedef struct Definition
{
	int			definition_id;
	int			workflow_id;
	int			version;
	char	   *workflow;		/* name */
	char	   *machine_id;		/* "name:version" */
	Oid			run_as;			/* role whose rights handlers have */
	char	   *search_path;	/* in which handlers run */
	bool		uses_context;	/* some expression starts with $$ */
	bool		compensates;	/* some Task has Compensate */
	const AslMachine *machine;
	const char *procedure;		/* qualified name of a durable procedure, whose machine has one state; NULL = none */
} Definition;

/* The compiled definition; never NULL, lives as long as the process. Needs an open store. Errors: DL002. */
extern const Definition *definition_get(int definition_id);

/* What start and grants need to know of a workflow. Needs an open store. */
typedef struct WorkflowInfo
{
	int			workflow_id;
	int			definition_id;	/* of the version asked for, or the latest */
	int			version;
	Oid			owner;
	bool		paused;
	bool		limited;		/* its runs wait to be let in; see limit.h */
	char	   *name;
} WorkflowInfo;

/* version 0 = latest. Errors: DL002 unknown workflow or version. */
extern void definition_find(const char *name, int version, WorkflowInfo *info);

/* May the role start, signal and see it? Owner, grantees and their members, operators (to see and control). */
extern bool definition_allows(int workflow_id, Oid owner, Oid role);

/* Raises 42501 where it may not. */
extern void definition_require(int workflow_id, const char *name, Oid owner, Oid role);

/* definition_store.c */
extern int	definition_store_workflow(const char *name, Oid owner, Oid *existing_owner);
/* kind is 'machine' or 'procedure'. */
extern int	definition_store_version(int workflow_id, const char *kind, Jsonb *body, const uint8 *fingerprint, Oid run_as,
									 const char *search_path, const char *comment, bool *created);
extern Jsonb *definition_store_load(int definition_id, Definition *definition);
extern bool definition_store_find(const char *name, int version, WorkflowInfo *info);
extern bool definition_store_workflow_exists(const char *name);
extern bool definition_store_granted(int workflow_id, Oid role);
extern void definition_store_grant(int workflow_id, Oid grantee, Oid grantor);
extern void definition_store_revoke(int workflow_id, Oid grantee);

/* definition_sql.c: from here on names in our SQL mean what they say. Undo with AtEOXact_GUC(true, the result). */
extern int	definition_pin_search_path(void);

/*
 * definition_check.c: what pure code can't know. Adds findings about handler
 * functions that don't exist, have another signature or may not be executed by
 * the role.
 */
extern void definition_check(const AslMachine *machine, Oid role, AslFindings *findings);

#endif							/* DALP_DEFINITION_H */
