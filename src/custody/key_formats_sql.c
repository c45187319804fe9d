/*
 * key_formats_sql.c
 *		SQL functions: keys as other wallets write them.
 *
 * For conformance tests, superusers only: key and passphrase are in the open.
 * Importing runs the same code in the signer.  Secrets are wiped whatever
 * happens, except in what is returned.
 */
#include "postgres.h"

#include "common/unicode_norm.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "compat.h"
#include "core/errors.h"
#include "custody/hd.h"
#include "custody/keystore.h"
#include "custody/mnemonic.h"
#include "custody/seal.h"
#include "evm/bytes_sql.h"
#include "evm/hex.h"

/* Bytes of a text before normalisation: no code point grows to more than 18, of 4 bytes. */
#define MAX_TEXT (MNEMONIC_MAX_TEXT / 72)

DALP_FUNCTION(dalp_keystore_decrypt);
DALP_FUNCTION(dalp_mnemonic_to_seed);
DALP_FUNCTION(dalp_hd_derive);

/* What is granted can be granted on, so functions that take secrets in the open ask themselves. */
static void
require_superuser(void)
{
	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be superuser to handle private keys"),
				 errhint("Make wallets with dalp.create_wallet(), whose keys nobody sees.")));
}

/* The error of an interrupt that came while secrets were about. */
typedef struct Interrupt
{
	MemoryContext context;
	ErrorData  *error;			/* NULL = none */
} Interrupt;

/* A StopCheck: keeps the error, to be thrown once everything is wiped.  FATAL ends the process here. */
static bool
interrupt_came(void *state)
{
	Interrupt  *interrupt = state;

	if (!INTERRUPTS_PENDING_CONDITION())
		return false;
	PG_TRY();
	{
		CHECK_FOR_INTERRUPTS();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(interrupt->context);
		interrupt->error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	return interrupt->error != NULL;
}

Datum
dalp_keystore_decrypt(PG_FUNCTION_ARGS)
{
	text	   *json = PG_GETARG_TEXT_PP(0);
	text	   *passphrase = PG_GETARG_TEXT_PP(1);
	Problem		problem = {{0}, {0}};
	Interrupt	interrupt = {CurrentMemoryContext, NULL};
	StopCheck	stop = {interrupt_came, &interrupt};
	const Doc  *keystore;
	uint8		key[32];
	volatile Datum result;

	require_superuser();
	keystore = doc_parse(VARDATA_ANY(json), VARSIZE_ANY_EXHDR(json), &problem);
	if (keystore == NULL ||
		!keystore_decrypt(keystore, VARDATA_ANY(passphrase), VARSIZE_ANY_EXHDR(passphrase), key,
						  &stop, &problem))
	{
		if (interrupt.error != NULL)
			ReThrowError(interrupt.error);
		problem_raise(&problem, "keystore");
	}
	PG_TRY();
	{
		result = bytes_to_datum(key, sizeof(key));
	}
	PG_FINALLY();
	{
		seal_wipe(key, sizeof(key));
	}
	PG_END_TRY();
	return result;
}

/* A text in UTF-8 and the normal form NFKD, zero-terminated; the caller wipes it. */
static char *
normalize(text *value, const char *name)
{
	int			length = VARSIZE_ANY_EXHDR(value);
	char	   *utf8;
	pg_wchar   *points;
	pg_wchar   *normal;
	char	   *out;
	int			count = 0;
	int			used = 0;

	if ((size_t) length > MAX_TEXT)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("invalid %s: more than %zu bytes", name, (size_t) MAX_TEXT),
				 errdetail("Found at %s.", name)));
	/* Of bytes in no encoding nothing is known: they may be UTF-8. */
	utf8 = GetDatabaseEncoding() == PG_SQL_ASCII ? VARDATA_ANY(value) :
		pg_server_to_any(VARDATA_ANY(value), length, PG_UTF8);
	if (utf8 != VARDATA_ANY(value))
		length = (int) strlen(utf8);
	if (!pg_verify_mbstr(PG_UTF8, utf8, length, true))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("invalid %s: not well-formed UTF-8", name),
				 errdetail("Found at %s.", name)));
	points = palloc(sizeof(pg_wchar) * (length + 1));
	for (int at = 0; at < length; at += pg_encoding_mblen(PG_UTF8, utf8 + at))
		points[count++] = utf8_to_unicode((unsigned char *) utf8 + at);
	points[count] = 0;

	normal = unicode_normalize(UNICODE_NFKD, points);
	seal_wipe(points, sizeof(pg_wchar) * (size_t) count);
	for (count = 0; normal[count] != 0; count++)
		;
	out = palloc(4 * (size_t) count + 1);
	for (int i = 0; i < count; i++)
	{
		unicode_to_utf8(normal[i], (unsigned char *) out + used);
		used += pg_encoding_mblen(PG_UTF8, out + used);
	}
	out[used] = '\0';
	seal_wipe(normal, sizeof(pg_wchar) * (size_t) count);
	if (utf8 != VARDATA_ANY(value))
		seal_wipe(utf8, (size_t) length);
	return out;
}

Datum
dalp_mnemonic_to_seed(PG_FUNCTION_ARGS)
{
	char	   *volatile mnemonic = NULL;
	char	   *volatile passphrase = NULL;
	uint8		seed[MNEMONIC_SEED_LENGTH];
	Datum		result;

	require_superuser();
	PG_TRY();
	{
		mnemonic = normalize(PG_GETARG_TEXT_PP(0), "mnemonic");
		passphrase = normalize(PG_GETARG_TEXT_PP(1), "passphrase");
		if (!mnemonic_to_seed(mnemonic, strlen(mnemonic), passphrase, strlen(passphrase), seed))
			ereport(ERROR,
					(errcode(ERRCODE_DALP_INVALID_INPUT),
					 errmsg("invalid mnemonic: the key derivation failed")));
		result = bytes_to_datum(seed, sizeof(seed));
	}
	PG_FINALLY();
	{
		seal_wipe(seed, sizeof(seed));
		if (mnemonic != NULL)
			seal_wipe(mnemonic, strlen(mnemonic));
		if (passphrase != NULL)
			seal_wipe(passphrase, strlen(passphrase));
	}
	PG_END_TRY();
	return result;
}

Datum
dalp_hd_derive(PG_FUNCTION_ARGS)
{
	Bytes		seed = bytes_argument(fcinfo, 0);
	text	   *path = PG_GETARG_TEXT_PP(1);
	Problem		problem = {{0}, {0}};
	HdKey		key;
	const Doc  *volatile private_key = NULL;
	Datum		result;

	require_superuser();
	if (!hd_derive(seed.data, seed.length, VARDATA_ANY(path), VARSIZE_ANY_EXHDR(path), &key, &problem))
		problem_raise(&problem, "derivation");
	PG_TRY();
	{
		Doc		   *object = doc_object();

		private_key = hex_to_doc(key.private_key, sizeof(key.private_key));
		doc_object_add(object, "private_key", private_key);
		doc_object_add(object, "public_key", hex_to_doc(key.public_key, sizeof(key.public_key)));
		doc_object_add(object, "chain_code", hex_to_doc(key.chain_code, sizeof(key.chain_code)));
		doc_object_add(object, "address", address_to_doc(key.address));
		result = bytes_doc_to_datum(object, "derivation");
	}
	PG_FINALLY();
	{
		seal_wipe(&key, sizeof(key));
		if (private_key != NULL)
			seal_wipe(unconstify(char *, private_key->text), private_key->length);
	}
	PG_END_TRY();
	return result;
}
