/*
 * abi_sql.c
 *		SQL functions: the contract ABI.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/jsonb.h"

#include "compat.h"
#include "core/document_jsonb.h"
#include "core/errors.h"
#include "evm/abi_cache_sql.h"
#include "evm/bytes_sql.h"

/* Topics of a log: LOG4 is the last of its kind. */
#define MAX_TOPICS 4

#define HINT_VALUES \
	"Give one value a parameter: integers as numbers, decimal digits or 0x and hex digits, bytes as 0x and hex digits, arrays and tuples as arrays."
#define HINT_DATA "Check that the types are those with which the data was encoded, and that it is whole."
#define HINT_LOG "Check that topics and data are of one log, and that the same parameters are indexed as in the contract."
#define HINT_ABI "Give an array of JSON ABI elements or of fragments such as \"error Unpaid(uint256 amount)\", or what a compiler wrote."

DALP_FUNCTION(dalp_abi_encode);
DALP_FUNCTION(dalp_abi_decode);
DALP_FUNCTION(dalp_abi_encode_call);
DALP_FUNCTION(dalp_abi_decode_call);
DALP_FUNCTION(dalp_abi_encode_constructor);
DALP_FUNCTION(dalp_abi_decode_event);
DALP_FUNCTION(dalp_abi_decode_error);
DALP_FUNCTION(dalp_function_selector);
DALP_FUNCTION(dalp_event_topic);

static const AbiItem *
item_argument(FunctionCallInfo fcinfo, int n, AbiItemKind kind)
{
	text	   *value = PG_GETARG_TEXT_PP(n);

	return abi_cached_item(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), kind);
}

static const AbiType *
types_argument(FunctionCallInfo fcinfo, int n)
{
	text	   *value = PG_GETARG_TEXT_PP(n);

	return abi_cached_types(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

Datum
dalp_abi_encode(PG_FUNCTION_ARGS)
{
	const AbiType *types = types_argument(fcinfo, 0);
	const Doc  *values = doc_from_jsonb(PG_GETARG_JSONB_P(1));
	Problem		problem = {{0}, {0}};
	ByteBuffer	out;

	bytes_init(&out, 512);
	if (!abi_encode(types, values, &out, &problem))
		problem_raise_hint(&problem, "ABI value", HINT_VALUES);
	return bytes_to_datum(out.data, out.length);
}

Datum
dalp_abi_decode(PG_FUNCTION_ARGS)
{
	const AbiType *types = types_argument(fcinfo, 0);
	Bytes		data = bytes_argument(fcinfo, 1);
	Problem		problem = {{0}, {0}};
	const Doc  *values = abi_decode(types, data.data, data.length, &problem);

	if (values == NULL)
		problem_raise_hint(&problem, "ABI data", HINT_DATA);
	return bytes_doc_to_datum(values, "ABI data");
}

Datum
dalp_abi_encode_call(PG_FUNCTION_ARGS)
{
	const AbiItem *item = item_argument(fcinfo, 0, ABI_ITEM_FUNCTION);
	const Doc  *values = doc_from_jsonb(PG_GETARG_JSONB_P(1));
	Problem		problem = {{0}, {0}};
	ByteBuffer	out;

	bytes_init(&out, 512);
	if (!abi_encode_call(item, values, &out, &problem))
		problem_raise_hint(&problem, "argument", HINT_VALUES);
	return bytes_to_datum(out.data, out.length);
}

Datum
dalp_abi_decode_call(PG_FUNCTION_ARGS)
{
	const AbiItem *item = item_argument(fcinfo, 0, ABI_ITEM_FUNCTION);
	Bytes		data = bytes_argument(fcinfo, 1);
	Problem		problem = {{0}, {0}};
	const Doc  *values = abi_decode_call(item, data.data, data.length, &problem);

	if (values == NULL)
		problem_raise_hint(&problem, "call data", HINT_DATA);
	return bytes_doc_to_datum(values, "call data");
}

/* What a deployment sends: bytecode, then the constructor's arguments. */
Datum
dalp_abi_encode_constructor(PG_FUNCTION_ARGS)
{
	Bytes		bytecode = bytes_argument(fcinfo, 0);
	const AbiItem *item = item_argument(fcinfo, 1, ABI_ITEM_CONSTRUCTOR);
	const Doc  *values = doc_from_jsonb(PG_GETARG_JSONB_P(2));
	Problem		problem = {{0}, {0}};
	ByteBuffer	out;

	bytes_init(&out, bytecode.length + 512);
	bytes_add(&out, bytecode.data, bytecode.length);
	if (!abi_encode_call(item, values, &out, &problem))
		problem_raise_hint(&problem, "argument", HINT_VALUES);
	return bytes_to_datum(out.data, out.length);
}

Datum
dalp_abi_decode_event(PG_FUNCTION_ARGS)
{
	const AbiItem *event = item_argument(fcinfo, 0, ABI_ITEM_EVENT);
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	Bytes		data = bytes_argument(fcinfo, 2);
	Problem		problem = {{0}, {0}};
	uint8_t		topics[MAX_TOPICS][32];
	const Doc  *values;
	Datum	   *items;
	bool	   *nulls;
	int			count;

	deconstruct_array(array, BYTEAOID, -1, false, TYPALIGN_INT, &items, &nulls, &count);
	if (count > MAX_TOPICS)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_INVALID_INPUT),
				 errmsg("invalid topics: a log has at most %d, got %d", MAX_TOPICS, count),
				 errdetail("Found at topics[%d].", MAX_TOPICS)));
	for (int i = 0; i < count; i++)
	{
		bytea	   *topic = nulls[i] ? NULL : DatumGetByteaPP(items[i]);

		if (topic == NULL || VARSIZE_ANY_EXHDR(topic) != 32)
			ereport(ERROR,
					(errcode(ERRCODE_DALP_INVALID_INPUT),
					 errmsg("invalid topics: each must have 32 bytes"),
					 errdetail("Found at topics[%d].", i)));
		memcpy(topics[i], VARDATA_ANY(topic), 32);
	}
	values = abi_decode_event(event, (const uint8_t (*)[32]) topics, (uint32_t) count, data.data,
							  data.length, &problem);
	if (values == NULL)
		problem_raise_hint(&problem, "log", HINT_LOG);
	return bytes_doc_to_datum(values, "log");
}

/* Not strict: without an ABI, custom errors stay hex. */
Datum
dalp_abi_decode_error(PG_FUNCTION_ARGS)
{
	const AbiContract *contract = NULL;
	Problem		problem = {{0}, {0}};
	AbiRevert	revert;
	Bytes		data;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	data = bytes_argument(fcinfo, 0);
	if (!PG_ARGISNULL(1))
	{
		contract = abi_contract_from_doc(doc_from_jsonb(PG_GETARG_JSONB_P(1)), &problem);
		if (contract == NULL)
			problem_raise_hint(&problem, "ABI", HINT_ABI);
	}
	revert = abi_decode_revert(contract, data.data, data.length);
	/* An error whose text jsonb can't hold is still worth its bytes. */
	if (revert.arguments != NULL && doc_to_jsonb(revert.arguments, &problem) == NULL)
		revert.arguments = NULL;
	return bytes_doc_to_datum(abi_revert_to_doc(&revert, data.data, data.length), "revert data");
}

Datum
dalp_function_selector(PG_FUNCTION_ARGS)
{
	return bytes_to_datum(item_argument(fcinfo, 0, ABI_ITEM_FUNCTION)->topic, 4);
}

Datum
dalp_event_topic(PG_FUNCTION_ARGS)
{
	return bytes_to_datum(item_argument(fcinfo, 0, ABI_ITEM_EVENT)->topic, 32);
}
