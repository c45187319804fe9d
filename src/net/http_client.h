/*
 * http_client.h
 *		Every HTTP request that dalp sends: libcurl on a worker's event loop.
 *
 * One client a process.  Many requests are in flight at once, over kept-alive
 * connections, while the process waits on its latch and on all of curl's
 * sockets together, so that a wake-up, SIGTERM or a barrier of the server is
 * noticed at once whatever the network does.
 *
 * A client's functions are for the process's only PostgreSQL thread, outside
 * of transactions: nothing may hold a snapshot or a lock while the network
 * makes it wait.  See the head of http_client.c for threads, signals and
 * memory.
 *
 * Of an URL, only scheme, host and port ever appear in a message: paths and
 * queries hold providers' access keys as often as user:password@ does.
 */
#ifndef DALP_HTTP_CLIENT_H
#define DALP_HTTP_CLIENT_H

#include "postgres.h"

typedef struct HttpClient HttpClient;

/*
 * How a request ended.  Up to HTTP_TLS the server has seen nothing of it.  From
 * HTTP_TIMEOUT on HttpResponse.possibly_sent tells whether it may have.
 */
typedef enum HttpOutcome
{
	HTTP_ANSWERED,				/* a whole answer, whatever its status */
	HTTP_INVALID_REQUEST,		/* no URL of http or https, bad method or header */
	HTTP_ADDRESS_REFUSED,		/* the name leads to addresses that the request may not reach */
	HTTP_NAME_UNKNOWN,			/* the name didn't resolve */
	HTTP_NOT_CONNECTED,			/* refused, unreachable, or no connection in connect_timeout_ms */
	HTTP_TLS,					/* handshake failed, or the certificate isn't good for the host */
	HTTP_TIMEOUT,				/* total_timeout_ms is over */
	HTTP_TOO_LARGE,				/* more body than max_response_bytes, or more than 64 kB of headers */
	HTTP_BROKEN					/* connection lost, or what came isn't HTTP or not whole */
} HttpOutcome;

typedef struct HttpResponse
{
	HttpOutcome outcome;
	bool		possibly_sent;	/* false is a proof that the server got nothing */
	int			status;			/* HTTP status, 0 where none came */
	const char *body;			/* zero-terminated; "" unless HTTP_ANSWERED */
	size_t		body_length;
	const char *error;			/* what went wrong in words, "" if HTTP_ANSWERED */
	const char *content_type;	/* "" where absent */
	const char *head;			/* status line and headers as they came, "" unless HTTP_ANSWERED to a request that keeps them */
	int			retry_after_ms; /* of a Retry-After in seconds or as a date; -1 where absent */
	int64		elapsed_us;		/* since http_client_start */
} HttpResponse;

/*
 * Called by http_client_wait, once for each request, outside of curl: it may
 * open transactions (and must close them), start requests and raise an ERROR,
 * which http_client_wait passes on; completions that were due after it stay
 * queued.  The response lives until it returns.
 */
typedef void (*HttpCallback) (void *argument, const HttpResponse *response);

typedef struct HttpRequest
{
	const char *method;			/* "GET", "POST"… */
	const char *url;			/* http or https; redirects are answers, never followed */
	const char *const *headers; /* "Name: value", ended by NULL; NULL for none */
	const char *body;			/* copied; NULL for none */
	size_t		body_length;
	int			connect_timeout_ms; /* name, connection and TLS; > 0 */
	int			total_timeout_ms;	/* all of it, a wait for a free connection included; > 0 */
	size_t		max_response_bytes;
	bool		allow_private;	/* may reach loopback, private and link-local addresses */
	bool		keep_head;		/* the answer's headers are wanted */
	int			max_connections_per_host;	/* instead of the client's; 0 = the client's */
	HttpCallback callback;
	void	   *argument;		/* must live until the callback or http_client_destroy */
} HttpRequest;

typedef struct HttpClientOptions
{
	const char *user_agent;		/* "dalp/<version>" */
	int			max_connections_per_host;	/* further requests to it queue */
	int			max_connections;	/* open at once, idle ones included */
} HttpClientOptions;

/* Why http_client_wait came back; the caller resets the latch and checks for interrupts in any case. */
typedef enum HttpWake
{
	HTTP_WAKE_TIMEOUT,
	HTTP_WAKE_LATCH,
	HTTP_WAKE_COMPLETION		/* at least one callback was called */
} HttpWake;

/*
 * Makes a client that lives as long as the context, which is CurrentMemoryContext:
 * resetting or deleting it closes all connections.  ERROR (DL009) if curl can't be set up.
 */
extern HttpClient *http_client_create(const HttpClientOptions *options);

/* Drops what is in flight without calling back, closes all connections, frees the client. */
extern void http_client_destroy(HttpClient *client);

/*
 * Queues a request and returns at once.  All the request points to is copied
 * except the argument.  Whatever is wrong with it comes by the callback,
 * never from here.
 */
extern void http_client_start(HttpClient *client, const HttpRequest *request);

/* Requests whose callback hasn't been called. */
extern int	http_client_in_flight(const HttpClient *client);

/*
 * Does network work until the process's latch is set, callbacks have been
 * called, or timeout_ms (-1: for ever) is over.  Doesn't reset the latch.  A
 * latch that is set over and over doesn't starve the network.  Exits with the
 * postmaster.  Never inside a transaction, never from a callback.
 */
extern HttpWake http_client_wait(HttpClient *client, long timeout_ms, uint32 wait_event_info);

/* "https://host:port" of an URL, for messages; "(invalid URL)" if it is none. Palloc'd. */
extern char *http_url_display(const char *url);

/* "answered", "timeout"… a stable word for logs, metrics labels and tests. */
extern const char *http_outcome_name(HttpOutcome outcome);

#endif							/* DALP_HTTP_CLIENT_H */
