/*
 * amount.h
 *		Amounts between SQL, where they are numeric, and code, where they are 256 bits.
 */
#ifndef DALP_CHAIN_AMOUNT_H
#define DALP_CHAIN_AMOUNT_H

#include "postgres.h"

#include "evm/u256.h"
#include "utils/numeric.h"

/* A whole number from 0 to 2^256 - 1; else DL006. what: the argument's name. */
extern U256 amount_from_numeric(Numeric number, const char *what);

/* The same, below 2^64. */
extern uint64 amount_from_numeric_u64(Numeric number, const char *what);

/* Decimal text, palloc'd. */
extern char *amount_text(const U256 *amount);

/* Decimal text as a table holds it; elog if it isn't one. */
extern U256 amount_from_text(const char *text);

#endif							/* DALP_CHAIN_AMOUNT_H */
