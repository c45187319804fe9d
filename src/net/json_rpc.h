/*
 * json_rpc.h
 *		JSON-RPC 2.0 over HTTP: many calls in one POST, answers matched by id.
 *
 * The question that matters to whoever sends a transaction is not "did it
 * work" but "what is proven".  Each call ends in exactly one RpcOutcome; an
 * answer that proves nothing (lost, cut, not JSON, another call's id, two
 * answers for one id) is RPC_AMBIGUOUS and never anything else.
 *
 * What results and error texts mean is the chain's business, not decided here.
 */
#ifndef DALP_JSON_RPC_H
#define DALP_JSON_RPC_H

#include "postgres.h"

#include "core/document.h"
#include "net/http_client.h"

/* What is known about one call. */
typedef enum RpcOutcome
{
	RPC_RESULT,					/* the endpoint answered with a result, perhaps null */
	RPC_ERROR,					/* the endpoint answered with an error of this call */
	RPC_NOT_SENT,				/* the endpoint can't have seen the call */
	RPC_AMBIGUOUS				/* it may or may not have been carried out */
} RpcOutcome;

/* What happened to the POST, for the health of the endpoint. */
typedef enum RpcBatchOutcome
{
	RPC_BATCH_ANSWERED,			/* each call has its RPC_RESULT or RPC_ERROR */
	RPC_BATCH_INCOMPLETE,		/* some calls have; ids are missing, double or strange, or members have a wrong shape */
	/* From here on all calls are RPC_AMBIGUOUS or RPC_NOT_SENT, but errors under 429 count for their calls. */
	RPC_BATCH_REFUSED,			/* one error for the whole POST (id null): too large, rate limit, not parsed */
	RPC_BATCH_RATE_LIMITED,		/* HTTP 429, or 503 with a Retry-After */
	RPC_BATCH_HTTP_STATUS,		/* another status than 2xx */
	RPC_BATCH_NOT_JSON,
	RPC_BATCH_NOT_SENT,			/* name, address, connection or TLS: see transport */
	RPC_BATCH_TRANSPORT			/* time-out, lost connection, answer too large: see transport */
} RpcBatchOutcome;

typedef struct RpcCall
{
	const char *method;
	const Doc  *params;
	RpcOutcome	outcome;
	const Doc  *result;			/* RPC_RESULT only, else NULL; JSON null is a Doc of its own */
	int64		error_code;		/* RPC_ERROR: 0 where the endpoint gave none */
	const char *error_message;	/* RPC_ERROR: "" where the endpoint gave none; else NULL */
	const Doc  *error_data;		/* RPC_ERROR: NULL where absent */
} RpcCall;

typedef struct RpcEndpoint
{
	const char *url;
	const char *const *headers; /* besides Content-Type; ended by NULL, or NULL */
	int			connect_timeout_ms;
	int			total_timeout_ms;
	size_t		max_response_bytes;
	bool		allow_private;
} RpcEndpoint;

typedef struct RpcBatch RpcBatch;

/*
 * Called once, by http_client_wait; the batch and all it holds is freed
 * afterwards, also after an ERROR.  Not called in one case: memory runs out
 * while the answer is read, which http_client_wait raises as an ERROR.
 */
typedef void (*RpcCallback) (void *argument, const RpcBatch *batch);

struct RpcBatch
{
	MemoryContext context;		/* all of the batch; Docs made here for params live as long as it */
	int			call_count;
	RpcCall    *calls;			/* in the order of rpc_batch_add, whatever the order of the answers */

	/* Set when the callback is called. */
	RpcBatchOutcome outcome;
	HttpOutcome transport;
	int			http_status;	/* 0 where none came */
	int			retry_after_ms; /* -1 where absent */
	int64		error_code;		/* of RPC_BATCH_REFUSED */
	const char *error;			/* in words, "" if RPC_BATCH_ANSWERED; no part of the URL but host and port */
	int64		elapsed_us;

	/* Private to json_rpc.c. */
	int			call_capacity;
	int64		first_id;
	RpcCallback callback;
	void	   *argument;
};

/*
 * Makes an empty batch in a new context below parent, which must live until
 * the callback (or destroy the client first).
 */
extern RpcBatch *rpc_batch_create(MemoryContext parent);

/*
 * Adds a call and returns its index.  The method is copied; params (an array
 * or an object, NULL for []) must live until rpc_batch_send.
 */
extern int	rpc_batch_add(RpcBatch *batch, const char *method, const Doc *params);

/*
 * Sends the batch (at least one call; exactly one goes as a plain object, as
 * some endpoints refuse arrays of one).  The batch belongs to the client from
 * here on.
 */
extern void rpc_batch_send(RpcBatch *batch, HttpClient *client, const RpcEndpoint *endpoint,
						   RpcCallback callback, void *argument);

/* Frees a batch that was never sent. */
extern void rpc_batch_free(RpcBatch *batch);

extern const char *rpc_outcome_name(RpcOutcome outcome);
extern const char *rpc_batch_outcome_name(RpcBatchOutcome outcome);

#endif							/* DALP_JSON_RPC_H */
