/*
 * findings.h
 *		Where in a definition the compiler is, and what it found there.
 *
 * A Where is a chain on the C stack; its text is made only for a finding.
 */
#ifndef DALP_ASL_FINDINGS_H
#define DALP_ASL_FINDINGS_H

#include "asl/asl.h"

typedef struct Where
{
	const struct Where *parent; /* NULL for the definition itself */
	const char *key;			/* a member's name, or NULL for an item */
	uint32_t	index;
} Where;

/* "$.States.Pay.Retry[0]"; a name that isn't plain is quoted: $.States['Pay now']. */
extern const char *where_text(const Where *where);

/* One error at a place below `where` (key may be NULL: at `where` itself). */
extern void find_error(AslFindings *findings, const Where *where, const char *key,
					   const char *format,...) pg_attribute_printf(4, 5);
extern void find_warning(AslFindings *findings, const Where *where, const char *key,
						 const char *format,...) pg_attribute_printf(4, 5);

#endif							/* DALP_ASL_FINDINGS_H */
