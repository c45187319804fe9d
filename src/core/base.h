/*
 * base.h
 *		What pure code (evm/, asl/, core/document.c) may use of its surroundings.
 *
 * The same source is built twice: into the extension, where memory comes from
 * the current MemoryContext and an endless loop must notice a query cancel;
 * and, with -DDALP_STANDALONE, into unit tests and fuzz targets that know no
 * server, where memory comes from an arena that the test resets.
 *
 * Pure code never calls ereport: it returns false and fills a Problem.
 */
#ifndef DALP_BASE_H
#define DALP_BASE_H

#ifndef DALP_STANDALONE

#include "postgres.h"

#include "miscadmin.h"

#define mem_alloc(size)			palloc(size)
#define mem_alloc_zero(size)	palloc0(size)
#define mem_realloc(p, size)	repalloc(p, size)
#define mem_free(p)				pfree(p)
#define base_check_interrupts() CHECK_FOR_INTERRUPTS()
#define base_check_stack()		check_stack_depth()

#else

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* test/unit/standalone.c: an arena over malloc; mem_reset() frees it all. */
extern void *mem_alloc(size_t size);
extern void *mem_alloc_zero(size_t size);
extern void *mem_realloc(void *p, size_t size);
extern void mem_free(void *p);
extern void mem_reset(void);

#define base_check_interrupts() ((void) 0)
#define base_check_stack()		((void) 0)

#ifndef Assert
#define Assert(condition)		assert(condition)
#endif
#ifndef lengthof
#define lengthof(array)			(sizeof(array) / sizeof((array)[0]))
#endif
#ifndef pg_attribute_printf
#define pg_attribute_printf(f, a) __attribute__((format(printf, f, a)))
#endif

#endif							/* DALP_STANDALONE */

#include <stdint.h>

/*
 * What is wrong with an input, and where in it ("types[1].components[0]",
 * "args[2]", "$.States.Pay.Next", "byte 17").  Both are texts for a person;
 * neither ever holds a secret.
 */
typedef struct Problem
{
	char		message[256];
	char		where[256];
} Problem;

/* Fills the problem (the first one wins) and returns false, for "return problem_set(…)". */
extern bool problem_set(Problem *problem, const char *where,
						const char *format,...) pg_attribute_printf(3, 4);

#endif							/* DALP_BASE_H */
