/*
 * result.c
 *		What a receipt says, as runs and users see it: pure, no server.
 */
#include "chain/result.h"
#include "evm/address.h"
#include "evm/hex.h"

/* An event of Solidity has four topics at most; nodes are not trusted to know that. */
#define MAX_TOPICS 4

static bool
read_address(const Doc *doc, const char **text)
{
	uint8_t		address[ADDRESS_LENGTH];
	Problem		problem = {{0}, {0}};
	char	   *written;

	*text = NULL;
	if (doc == NULL || doc->kind == DOC_NULL)
		return true;
	if (!address_from_doc(doc, address, "", &problem))
		return false;
	written = mem_alloc(ADDRESS_TEXT_SIZE);
	address_write(address, written);
	*text = written;
	return true;
}

bool
receipt_read(const Doc *doc, Receipt *receipt)
{
	uint64_t	status;

	memset(receipt, 0, sizeof(*receipt));
	if (!doc_is(doc, DOC_OBJECT))
		return false;
	receipt->doc = doc;
	if (!quantity_hash(doc_get(doc, "blockHash"), receipt->block_hash) ||
		!quantity_int64(doc_get(doc, "blockNumber"), &receipt->block_number) ||
		!quantity_u64(doc_get(doc, "gasUsed"), &receipt->gas_used) ||
		!quantity_u64(doc_get(doc, "status"), &status) || status > 1 ||
		!read_address(doc_get(doc, "contractAddress"), &receipt->contract))
		return false;
	receipt->status = (int) status;
	receipt->has_price = quantity_u256(doc_get(doc, "effectiveGasPrice"), &receipt->price);
	return true;
}

static const Doc *
decimal_u64(uint64_t value)
{
	U256		wide = u256_from_u64(value);

	return doc_text(quantity_decimal(&wide));
}

static const Doc *
address_or_null(const char *text)
{
	return text == NULL ? doc_null() : doc_text(text);
}

/* A log by the contract's ABI; NULL where that doesn't know it. */
static const Doc *
event_decoded(const Doc *topics, const Doc *data, const AbiContract *contract, const char **name)
{
	uint8_t		words[MAX_TOPICS][32];
	const AbiItem *item;
	Bytes		bytes;
	Problem		problem = {{0}, {0}};

	if (contract == NULL || !doc_is(topics, DOC_ARRAY) || topics->length == 0 || topics->length > MAX_TOPICS ||
		!quantity_bytes(data, &bytes))
		return NULL;
	for (uint32_t i = 0; i < topics->length; i++)
	{
		const Doc  *topic = topics->items[i];

		if (!doc_is(topic, DOC_STRING) || !hex_parse_exact(topic->text, topic->length, words[i], 32, "", &problem))
			return NULL;
	}
	item = abi_find_topic(contract, words[0]);
	if (item == NULL)
		return NULL;
	*name = item->name;
	return abi_decode_event(item, (const uint8_t (*)[32]) words, topics->length, bytes.data, bytes.length, &problem);
}

static const Doc *
event_document(const Doc *log, const AbiContract *contract)
{
	Doc		   *event = doc_object();
	const Doc  *topics = doc_get(log, "topics");
	const Doc  *data = doc_get(log, "data");
	const char *address;
	const char *name = NULL;
	const Doc  *args = event_decoded(topics, data, contract, &name);

	if (!read_address(doc_get(log, "address"), &address))
		address = NULL;
	if (args != NULL)
	{
		doc_object_add(event, "name", doc_text(name));
		doc_object_add(event, "address", address_or_null(address));
		doc_object_add(event, "args", args);
		return event;
	}
	doc_object_add(event, "address", address_or_null(address));
	doc_object_add(event, "topics", topics != NULL ? topics : doc_array());
	doc_object_add(event, "data", data != NULL ? data : doc_text("0x"));
	return event;
}

const Doc *
result_document(int64_t request_id, const char *hash, const char *from, const char *to,
				uint64_t nonce, const Receipt *receipt, const AbiContract *contract)
{
	Doc		   *result = doc_object();
	Doc		   *events = doc_array();
	const Doc  *logs = doc_get(receipt->doc, "logs");

	if (doc_is(logs, DOC_ARRAY))
		for (uint32_t i = 0; i < logs->length; i++)
			doc_array_add(events, event_document(logs->items[i], contract));
	doc_object_add(result, "transaction_id", doc_int(request_id));
	doc_object_add(result, "hash", doc_text(hash));
	doc_object_add(result, "status", doc_int(receipt->status));
	doc_object_add(result, "block_number", doc_int(receipt->block_number));
	doc_object_add(result, "block_hash", doc_text(receipt->block_hash));
	doc_object_add(result, "from", doc_text(from));
	doc_object_add(result, "to", address_or_null(to));
	doc_object_add(result, "nonce", decimal_u64(nonce));
	doc_object_add(result, "gas_used", decimal_u64(receipt->gas_used));
	doc_object_add(result, "effective_gas_price",
				   receipt->has_price ? doc_text(quantity_decimal(&receipt->price)) : doc_null());
	doc_object_add(result, "contract_address", address_or_null(receipt->contract));
	doc_object_add(result, "events", events);
	return result;
}

/* The hex at the end of a text, as in "Reverted 0x08c379a0…". */
static bool
hex_in_text(const Doc *text, Bytes *bytes)
{
	const char *hex = strstr(text->text, "0x");
	Problem		problem = {{0}, {0}};

	return hex != NULL && hex_parse(hex, strlen(hex), bytes, "", &problem);
}

bool
revert_data(const Doc *error_data, Bytes *bytes)
{
	/* An object around it at most twice: {"originalError": {"data": "0x…"}}. */
	for (int depth = 0; depth < 3 && doc_is(error_data, DOC_OBJECT); depth++)
	{
		const Doc  *inner = doc_get(error_data, "data");

		if (inner == NULL)
			inner = doc_get(error_data, "result");
		if (inner == NULL)
			inner = doc_get(error_data, "originalError");
		error_data = inner;
	}
	return doc_is(error_data, DOC_STRING) && hex_in_text(error_data, bytes);
}

const char *
revert_cause(const AbiContract *contract, const Bytes *data)
{
	return abi_decode_revert(contract, data->data, data->length).text;
}
