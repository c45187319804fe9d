/*
 * timestamp.h
 *		RFC 3339 timestamps as the states language profiles them.
 */
#ifndef DALP_ASL_TIMESTAMP_H
#define DALP_ASL_TIMESTAMP_H

#include "core/base.h"

typedef struct Instant
{
	int64_t		seconds;		/* since 1970, UTC */
	int32_t		nanoseconds;	/* 0 to 999,999,999 */
} Instant;

/*
 * Reads a full timestamp: date, capital T, time, none to nine digits of a
 * fraction, capital Z or an offset.  false for everything else.
 */
extern bool timestamp_read(const char *text, size_t length, Instant *timestamp);

/* <0, 0, >0: which instant is earlier. */
extern int	timestamp_compare(const Instant *a, const Instant *b);

/* Microseconds since 1970, rounded up: nothing that waits for it is early. */
extern int64_t timestamp_microseconds(const Instant *timestamp);

#define TIMESTAMP_SIZE 96		/* 24 are used; the compiler counts with any year */

/* Microseconds since 1970 as 2026-01-31T23:59:59.123Z, which the context object uses. */
extern void timestamp_write(int64_t microseconds, char out[TIMESTAMP_SIZE]);

#endif							/* DALP_ASL_TIMESTAMP_H */
