/*
 * u256_sql.h
 *		256-bit integers in SQL: numeric.
 */
#ifndef DALP_EVM_U256_SQL_H
#define DALP_EVM_U256_SQL_H

#include "postgres.h"

#include "utils/numeric.h"

#include "evm/u256.h"

/* False and a problem at "where" for what isn't an integer from 0 to 2^256 - 1. */
extern bool u256_from_numeric(Numeric numeric, U256 *value, const char *where, Problem *problem);

#endif							/* DALP_EVM_U256_SQL_H */
