/*
 * http_transfer.h
 *		One HTTP request on its way through the client.  Used by http_client.c only.
 */
#ifndef DALP_HTTP_TRANSFER_H
#define DALP_HTTP_TRANSFER_H

#include "postgres.h"

#include <curl/curl.h>

#include "lib/ilist.h"

#include "net/http_client.h"

typedef struct HttpTransfer
{
	dlist_node	node;			/* of one of the client's lists */
	CURL	   *easy;
	struct curl_slist *headers;
	char	   *host;			/* scheme://host:port */
	bool		ready;			/* to be given to curl */
	HttpCallback callback;
	void	   *argument;
	int64		started;		/* monotonic */
	int64		deadline;		/* monotonic, of the whole */
	size_t		max_response_bytes;
	bool		allow_private;
	int			max_connections_per_host;	/* 0 = the client's */

	/* What comes back. */
	HttpOutcome outcome;
	bool		possibly_sent;	/* since the first time that curl was about to send it */
	char	   *body;
	size_t		body_length;
	size_t		body_capacity;
	char	   *head;			/* of the last block of headers; NULL where it isn't kept */
	size_t		head_length;
	size_t		header_bytes;
	bool		headers_ended;	/* the empty line after the last of them has come */
	bool		has_retry_after;
	bool		too_large;
	bool		out_of_memory;
	int			addresses_tried;
	int			addresses_refused;
	char		error[CURL_ERROR_SIZE];
} HttpTransfer;

/*
 * Copies a request into a transfer.  Where something is wrong with it, the
 * transfer isn't ready and its outcome and error are set.  NULL if memory is short.
 */
extern HttpTransfer *http_transfer_create(const HttpRequest *request, const char *user_agent);

/* After curl has let go of it. */
extern void http_transfer_free(HttpTransfer *transfer);

/* Sets outcome and error from curl's result, as soon as curl has it. */
extern void http_transfer_complete(HttpTransfer *transfer, CURLcode code);

/* Fills a response, whose pointers live as long as the transfer. */
extern void http_transfer_respond(const HttpTransfer *transfer, HttpResponse *response);

#endif							/* DALP_HTTP_TRANSFER_H */
