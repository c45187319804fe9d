/*
 * task_token.c
 *		Making and reading tokens of tasks.
 */
#include "compat.h"

#include "utils/builtins.h"

#include "core/digest.h"
#include "core/errors.h"
#include "workflow/task_token.h"

#define SECRET_BYTES 16
#define SECRET_DIGITS (2 * SECRET_BYTES)

static void
hash_secret(const char *digits, uint8 *hash)
{
	uint8_t		digest[DIGEST_MAX_SIZE];

	if (digest_compute(DIGEST_SHA256, digits, SECRET_DIGITS, digest) != TASK_TOKEN_HASH)
		elog(ERROR, "could not compute SHA-256");
	memcpy(hash, digest, TASK_TOKEN_HASH);
}

void
task_secret_make(char *secret, uint8 *hash)
{
	uint8_t		bytes[SECRET_BYTES];

	StaticAssertStmt(TASK_SECRET_SIZE == SECRET_DIGITS + 1, "digits and the zero");
	if (!digest_random(bytes, sizeof(bytes)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("no random bytes for a task token")));
	hex_encode((char *) bytes, sizeof(bytes), secret);
	secret[SECRET_DIGITS] = '\0';
	hash_secret(secret, hash);
}

char *
task_token_text(int64 run_id, int branch_id, const char *secret)
{
	return psprintf(INT64_FORMAT "-%d-%s", run_id, branch_id, secret);
}

/* A number without sign or leading zeros; returns what is behind it, NULL if it is none up to the limit. */
static const char *
read_number(const char *text, int64 limit, int64 *number)
{
	*number = 0;
	if (text[0] == '0' && text[1] >= '0' && text[1] <= '9')
		return NULL;
	if (*text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++)
	{
		if (*number > (limit - (*text - '0')) / 10)
			return NULL;
		*number = *number * 10 + (*text - '0');
	}
	return text;
}

void
task_token_read(const char *text, TaskToken *token)
{
	int64		branch_id = 0;
	const char *rest = read_number(text, PG_INT64_MAX, &token->run_id);

	if (rest != NULL && *rest++ == '-')
		rest = read_number(rest, PG_INT32_MAX, &branch_id);
	else
		rest = NULL;
	/* The text is not repeated: it may be another secret, in the wrong place. */
	if (rest == NULL || *rest++ != '-' || strlen(rest) != SECRET_DIGITS ||
		strspn(rest, "0123456789abcdef") != SECRET_DIGITS)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("invalid task token"),
				 errhint("Pass on what dalp.claim_tasks or $$.Task.Token gave, unchanged.")));
	token->branch_id = (int) branch_id;
	hash_secret(rest, token->hash);
}

Datum
task_token_hash(const TaskToken *token)
{
	bytea	   *hash = palloc(VARHDRSZ + TASK_TOKEN_HASH);

	SET_VARSIZE(hash, VARHDRSZ + TASK_TOKEN_HASH);
	memcpy(VARDATA(hash), token->hash, TASK_TOKEN_HASH);
	return PointerGetDatum(hash);
}
