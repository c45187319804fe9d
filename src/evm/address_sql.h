/*
 * address_sql.h
 *		dalp.address as a Datum: a pointer to 20 bytes.
 */
#ifndef DALP_EVM_ADDRESS_SQL_H
#define DALP_EVM_ADDRESS_SQL_H

#include "postgres.h"

#include "fmgr.h"

#include "evm/address.h"

#define DatumGetAddress(datum) ((const uint8_t *) DatumGetPointer(datum))
#define AddressGetDatum(address) PointerGetDatum(address)
#define PG_GETARG_ADDRESS(n) DatumGetAddress(PG_GETARG_DATUM(n))

#endif							/* DALP_EVM_ADDRESS_SQL_H */
