/*
 * errors.h
 *		dalp's SQLSTATEs, class DL; their meanings are in doc/errors.md.
 */
#ifndef DALP_ERRORS_H
#define DALP_ERRORS_H

#include "compat.h"

#include "core/base.h"

#define ERRCODE_DALP_INVALID_DEFINITION		MAKE_SQLSTATE('D','L','0','0','1')
#define ERRCODE_DALP_UNKNOWN_OBJECT			MAKE_SQLSTATE('D','L','0','0','2')
#define ERRCODE_DALP_WRONG_STATE			MAKE_SQLSTATE('D','L','0','0','3')
#define ERRCODE_DALP_KEY_REUSED				MAKE_SQLSTATE('D','L','0','0','4')
#define ERRCODE_DALP_STALE_TOKEN			MAKE_SQLSTATE('D','L','0','0','5')
#define ERRCODE_DALP_INVALID_INPUT			MAKE_SQLSTATE('D','L','0','0','6')
#define ERRCODE_DALP_LIMIT_EXCEEDED			MAKE_SQLSTATE('D','L','0','0','7')
#define ERRCODE_DALP_IN_RECOVERY			MAKE_SQLSTATE('D','L','0','0','8')
#define ERRCODE_DALP_NOT_LOADED				MAKE_SQLSTATE('D','L','0','0','9')
#define ERRCODE_DALP_KEY_UNAVAILABLE		MAKE_SQLSTATE('D','L','0','1','1')
#define ERRCODE_DALP_CHAIN_ERROR			MAKE_SQLSTATE('D','L','0','1','2')
#define ERRCODE_DALP_PERMANENT				MAKE_SQLSTATE('D','L','0','2','0')

/*
 * Wallet verification, DL101 to DL112 and DL190, is in custody/verification.h.
 */

/* Raises what pure code found wrong: DL006, DETAIL says where. Never returns. */
pg_noreturn extern void problem_raise(const Problem *problem, const char *what);

/* The same with a HINT, a full sentence that says what to do; NULL for none. */
pg_noreturn extern void problem_raise_hint(const Problem *problem, const char *what,
							   const char *hint);

#endif							/* DALP_ERRORS_H */
