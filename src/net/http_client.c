/*
 * http_client.c
 *		HTTP requests from a worker: queue, transfers, answers.
 *
 * Runs in the background workers that use the network (broadcaster, exporter,
 * remote signers), never in the postmaster: curl_global_init happens with the
 * first client of a process.  No transaction is open while it waits.
 *
 * Memory.  What curl's callbacks touch is malloc's, for an ERROR can't pass
 * curl's frames; the client hangs on a memory context whose end frees all of
 * it, so that an ERROR or a leaving worker leaks nothing.  Completions are
 * collected first and handed to their callbacks when curl has returned.
 *
 * Queue.  A request waits here until its host has a connection to spare, so
 * its connect time-out begins when it may connect; the total time-out runs
 * from the start.
 *
 * Names.  libcurl resolves in a thread for each name (http_loop.c says what
 * that means for signals).  CURLOPT_QUICK_EXIT, since 7.87, lets go of a
 * thread that is still waiting for a name server when its request times out
 * or the client is destroyed; older versions would join it, for as long as the
 * resolver's own time-outs take.
 */
#include "postgres.h"

#include <curl/curl.h>

#include "access/xact.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "core/errors.h"
#include "net/http_client.h"
#include "net/http_loop.h"
#include "net/http_transfer.h"

struct HttpClient
{
	MemoryContext context;
	MemoryContextCallback on_reset;
	CURLM	   *multi;
	HttpLoop   *loop;
	char	   *user_agent;
	int			max_connections_per_host;
	int			max_connections;
	int			running;		/* transfers that curl has */
	int			in_flight;		/* transfers on any list */
	dlist_head	waiting;		/* for a connection, oldest first */
	dlist_head	active;			/* with curl */
	dlist_head	done;			/* for their callback */
	HttpTransfer *delivering;	/* whose callback runs, or has raised an ERROR */
};

/* ---- Client ---- */

/* Also after a callback that has left by an ERROR. */
static void
client_forget_delivered(HttpClient *client)
{
	if (client->delivering != NULL)
		http_transfer_free(client->delivering);
	client->delivering = NULL;
}

static void
transfers_free(dlist_head *list)
{
	while (!dlist_is_empty(list))
		http_transfer_free(dlist_container(HttpTransfer, node, dlist_pop_head_node(list)));
}

/* The end of the client's context, wherever that comes from. */
static void
client_release(void *argument)
{
	HttpClient *client = argument;
	dlist_iter	iter;

	dlist_foreach(iter, &client->active)
		curl_multi_remove_handle(client->multi, dlist_container(HttpTransfer, node, iter.cur)->easy);
	client_forget_delivered(client);
	transfers_free(&client->waiting);
	transfers_free(&client->active);
	transfers_free(&client->done);
	if (client->multi != NULL)
		curl_multi_cleanup(client->multi);
	if (client->loop != NULL)
		http_loop_destroy(client->loop);
}

HttpClient *
http_client_create(const HttpClientOptions *options)
{
	static bool initialized = false;
	MemoryContext context;
	HttpClient *client;

	Assert(IsUnderPostmaster);
	if (!initialized && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_NOT_LOADED),
				 errmsg("could not initialize libcurl")));
	initialized = true;

	context = AllocSetContextCreate(CurrentMemoryContext, "dalp HTTP client", ALLOCSET_SMALL_SIZES);
	client = MemoryContextAllocZero(context, sizeof(HttpClient));
	client->context = context;
	client->user_agent = MemoryContextStrdup(context, options->user_agent);
	client->max_connections_per_host = options->max_connections_per_host;
	client->max_connections = options->max_connections;
	dlist_init(&client->waiting);
	dlist_init(&client->active);
	dlist_init(&client->done);
	client->on_reset.func = client_release;
	client->on_reset.arg = client;
	MemoryContextRegisterResetCallback(context, &client->on_reset);

	client->multi = curl_multi_init();
	if (client->multi != NULL)
		client->loop = http_loop_create(client->multi);
	if (client->loop == NULL ||
		curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long) options->max_connections) != CURLM_OK)
	{
		MemoryContextDelete(context);
		ereport(ERROR,
				(errcode(ERRCODE_DALP_NOT_LOADED),
				 errmsg("could not set up an HTTP client")));
	}
	return client;
}

void
http_client_destroy(HttpClient *client)
{
	MemoryContextDelete(client->context);
}

int
http_client_in_flight(const HttpClient *client)
{
	return client->in_flight;
}

/* ---- Starting ---- */

void
http_client_start(HttpClient *client, const HttpRequest *request)
{
	HttpTransfer *transfer;

	Assert(request->connect_timeout_ms > 0 && request->total_timeout_ms > 0);
	transfer = http_transfer_create(request, client->user_agent);
	if (transfer == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	dlist_push_tail(transfer->ready ? &client->waiting : &client->done, &transfer->node);
	client->in_flight++;
}

static bool
host_has_room(HttpClient *client, const HttpTransfer *wanted)
{
	int			limit = wanted->max_connections_per_host > 0 ? wanted->max_connections_per_host : client->max_connections_per_host;
	int			used = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &client->active)
		if (strcmp(dlist_container(HttpTransfer, node, iter.cur)->host, wanted->host) == 0)
			used++;
	return used < limit;
}

static void
client_give_up(HttpClient *client, HttpTransfer *transfer, HttpOutcome outcome, const char *error)
{
	transfer->outcome = outcome;
	strlcpy(transfer->error, error, sizeof(transfer->error));
	dlist_delete(&transfer->node);
	dlist_push_tail(&client->done, &transfer->node);
}

/* Hands to curl what may run now, and gives up on what has waited too long. */
static void
client_admit(HttpClient *client)
{
	int64		now = http_loop_now();
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &client->waiting)
	{
		HttpTransfer *transfer = dlist_container(HttpTransfer, node, iter.cur);
		int64		left = transfer->deadline - now;

		if (left <= 0)
			client_give_up(client, transfer, HTTP_TIMEOUT, "timed out while waiting for a free connection");
		else if (client->running < client->max_connections && host_has_room(client, transfer))
		{
			if (curl_easy_setopt(transfer->easy, CURLOPT_TIMEOUT_MS, (long) ((left + 999) / 1000)) != CURLE_OK ||
				curl_multi_add_handle(client->multi, transfer->easy) != CURLM_OK)
			{
				client_give_up(client, transfer, HTTP_NOT_CONNECTED, "out of memory");
				continue;
			}
			dlist_delete(&transfer->node);
			dlist_push_tail(&client->active, &transfer->node);
			client->running++;
		}
	}
}

/* ---- Finishing ---- */

/* Takes what curl is finished with off it. */
static void
client_collect(HttpClient *client)
{
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(client->multi, &left)) != NULL)
	{
		CURLcode	code = message->data.result;
		CURL	   *easy = message->easy_handle;
		HttpTransfer *transfer = NULL;

		/* The message is gone when the handle is removed. */
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &transfer);
		curl_multi_remove_handle(client->multi, easy);
		client->running--;
		http_transfer_complete(transfer, code);
		dlist_delete(&transfer->node);
		dlist_push_tail(&client->done, &transfer->node);
	}
}

/* Calls the callbacks of all that is done; returns whether there was any. */
static bool
client_dispatch(HttpClient *client)
{
	bool		any = false;

	client_forget_delivered(client);
	while (!dlist_is_empty(&client->done))
	{
		HttpResponse response;

		/* A batch of slow callbacks must not put off a shutdown. */
		CHECK_FOR_INTERRUPTS();
		any = true;
		client->in_flight--;
		client->delivering = dlist_container(HttpTransfer, node, dlist_pop_head_node(&client->done));
		http_transfer_respond(client->delivering, &response);
		client->delivering->callback(client->delivering->argument, &response);
		client_forget_delivered(client);
	}
	return any;
}

/* The earliest of the caller's deadline and those of waiting requests. */
static int64
client_deadline(HttpClient *client, int64 deadline)
{
	dlist_iter	iter;

	dlist_foreach(iter, &client->waiting)
	{
		int64		own = dlist_container(HttpTransfer, node, iter.cur)->deadline;

		if (deadline < 0 || own < deadline)
			deadline = own;
	}
	return deadline;
}

HttpWake
http_client_wait(HttpClient *client, long timeout_ms, uint32 wait_event_info)
{
	int64		deadline = timeout_ms < 0 ? -1 : http_loop_now() + (int64) timeout_ms * 1000;

	Assert(!IsTransactionState());
	for (;;)
	{
		bool		latch_set;

		client_admit(client);
		if (client_dispatch(client))
			return HTTP_WAKE_COMPLETION;
		latch_set = http_loop_turn(client->loop, client_deadline(client, deadline), wait_event_info);
		client_collect(client);
		if (client_dispatch(client))
			return HTTP_WAKE_COMPLETION;
		if (latch_set)
			return HTTP_WAKE_LATCH;
		if (deadline >= 0 && http_loop_now() >= deadline)
			return HTTP_WAKE_TIMEOUT;
	}
}
