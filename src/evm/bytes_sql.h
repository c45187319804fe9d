/*
 * bytes_sql.h
 *		Between bytea, jsonb and what pure code takes and gives, for SQL functions.
 */
#ifndef DALP_EVM_BYTES_SQL_H
#define DALP_EVM_BYTES_SQL_H

#include "postgres.h"

#include "fmgr.h"

#include "core/document.h"
#include "evm/bytes.h"

/* A bytea argument; it isn't copied unless it was toasted. */
extern Bytes bytes_argument(FunctionCallInfo fcinfo, int n);

/* The same, where it must have a certain length; DL006 gives the argument's name otherwise. */
extern const uint8_t *bytes_argument_exact(FunctionCallInfo fcinfo, int n, size_t length,
										   const char *name);

extern Datum bytes_to_datum(const void *data, size_t length);
extern Datum bytes_text_to_datum(const char *text);

/* jsonb of a document; DL006 about "what" where jsonb can't hold it. */
extern Datum bytes_doc_to_datum(const Doc *doc, const char *what);

#endif							/* DALP_EVM_BYTES_SQL_H */
