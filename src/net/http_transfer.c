/*
 * http_transfer.c
 *		One HTTP request: what curl is told, what it calls back, what came out.
 *
 * curl's callbacks run within curl, where no ERROR may pass: they neither
 * palloc nor report, and all that they touch is malloc's.
 *
 * Fixed for safety: http and https only, no redirects, no proxy of the
 * environment, no .netrc, certificates verified, HTTP/1.1 (so that one slow
 * answer never holds up others of the same connection).  curl repeats a request
 * by itself in one case: a kept-alive connection turns out to be closed before
 * a byte of the answer came.
 */
#include "postgres.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/fd.h"

#include "net/http_address.h"
#include "net/http_loop.h"
#include "net/http_transfer.h"

#if LIBCURL_VERSION_NUM < 0x075700
#error "dalp needs libcurl 7.87 or later (CURLOPT_QUICK_EXIT)"
#endif

/* More headers than this is an attack or a mistake; nodes send a few hundred bytes. */
#define MAX_HEADER_BYTES 65536

static const char *const outcome_names[] = {
	[HTTP_ANSWERED] = "answered",
	[HTTP_INVALID_REQUEST] = "invalid_request",
	[HTTP_ADDRESS_REFUSED] = "address_refused",
	[HTTP_NAME_UNKNOWN] = "name_unknown",
	[HTTP_NOT_CONNECTED] = "not_connected",
	[HTTP_TLS] = "tls",
	[HTTP_TIMEOUT] = "timeout",
	[HTTP_TOO_LARGE] = "too_large",
	[HTTP_BROKEN] = "broken"
};

const char *
http_outcome_name(HttpOutcome outcome)
{
	return outcome_names[outcome];
}

static size_t
transfer_on_header(char *data, size_t size, size_t count, void *argument)
{
	HttpTransfer *transfer = argument;
	size_t		length = size * count;
	static const char retry_after[] = "retry-after:";

	transfer->header_bytes += length;
	if (transfer->header_bytes > MAX_HEADER_BYTES)
	{
		transfer->too_large = true;
		return 0;
	}
	if (transfer->head != NULL)
	{
		/* After an interim answer (1xx) a further block begins. */
		if (transfer->headers_ended)
			transfer->head_length = 0;
		memcpy(transfer->head + transfer->head_length, data, length);
		transfer->head_length += length;
		transfer->head[transfer->head_length] = '\0';
	}
	/* Likewise. */
	transfer->headers_ended = length <= 2 && (data[0] == '\r' || data[0] == '\n');
	if (length >= strlen(retry_after) &&
		pg_strncasecmp(data, retry_after, strlen(retry_after)) == 0)
		transfer->has_retry_after = true;
	return length;
}

static size_t
transfer_on_body(char *data, size_t size, size_t count, void *argument)
{
	HttpTransfer *transfer = argument;
	size_t		length = size * count;

	if (length > transfer->max_response_bytes - transfer->body_length)
	{
		transfer->too_large = true;
		return 0;
	}
	if (transfer->body_length + length + 1 > transfer->body_capacity)
	{
		size_t		capacity = Max(transfer->body_capacity * 2, transfer->body_length + length + 1);
		char	   *grown = realloc(transfer->body, capacity);

		if (grown == NULL)
		{
			transfer->out_of_memory = true;
			return 0;
		}
		transfer->body = grown;
		transfer->body_capacity = capacity;
	}
	memcpy(transfer->body + transfer->body_length, data, length);
	transfer->body_length += length;
	transfer->body[transfer->body_length] = '\0';
	return length;
}

/* The guard of private networks, and the server's budget of file descriptors. */
static curl_socket_t
transfer_on_open_socket(void *argument, curlsocktype purpose, struct curl_sockaddr *address)
{
	HttpTransfer *transfer = argument;
	curl_socket_t fd;

	(void) purpose;
	transfer->addresses_tried++;
	if (!transfer->allow_private && !http_address_is_public(&address->addr))
	{
		transfer->addresses_refused++;
		return CURL_SOCKET_BAD;
	}
	if (!AcquireExternalFD())
		return CURL_SOCKET_BAD;
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (fd < 0)
	{
		ReleaseExternalFD();
		return CURL_SOCKET_BAD;
	}
	return fd;
}

/* Kept connections outlive transfers, so this one knows of none. */
static int
on_close_socket(void *argument, curl_socket_t fd)
{
	(void) argument;
	ReleaseExternalFD();
	return close(fd);
}

/*
 * Called for each connection that is about to carry the request.  A kept one
 * may have been opened for a request that was allowed more.
 */
static int
transfer_on_connected(void *argument, char *address, char *local_address, int port, int local_port)
{
	HttpTransfer *transfer = argument;

	(void) local_address;
	(void) port;
	(void) local_port;
	if (!transfer->allow_private && !http_address_text_is_public(address))
		return CURL_PREREQFUNC_ABORT;
	transfer->possibly_sent = true;
	return CURL_PREREQFUNC_OK;
}

/* ---- What curl is told ---- */

/* Scheme, host and port in malloc's memory, or NULL if it isn't a URL of http or https. */
static char *
url_host(const char *url)
{
	CURLU	   *parsed = curl_url();
	char	   *scheme = NULL;
	char	   *host = NULL;
	char	   *port = NULL;
	char	   *result = NULL;

	if (parsed != NULL &&
		curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
		curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		curl_url_get(parsed, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		(strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0))
	{
		size_t		size = strlen(scheme) + strlen(host) + strlen(port) + sizeof("://:");

		result = malloc(size);
		if (result != NULL)
			snprintf(result, size, "%s://%s:%s", scheme, host, port);
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(parsed);
	return result;
}

char *
http_url_display(const char *url)
{
	char	   *host = url_host(url);
	char	   *result = pstrdup(host != NULL ? host : "(invalid URL)");

	free(host);
	return result;
}

/* RFC 9110 section 9.1 allows any token; methods in use are capital letters. */
static bool
method_is_valid(const char *method)
{
	size_t		length = strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return length > 0 && length <= 16 && method[length] == '\0';
}

/* "Name: value" in one line: nobody's value may smuggle in a header or a request. */
static bool
header_is_valid(const char *header)
{
	const char *colon = strchr(header, ':');

	if (colon == NULL || colon == header)
		return false;
	for (const char *c = header; *c != '\0'; c++)
		if ((unsigned char) *c < ' ' ? *c != '\t' : *c == 127)
			return false;
	return true;
}

/* Adds a header; false if it is malformed or memory is short. */
static bool
transfer_add_header(HttpTransfer *transfer, const char *header)
{
	struct curl_slist *list;

	if (!header_is_valid(header))
	{
		strlcpy(transfer->error, "malformed request header", sizeof(transfer->error));
		return false;
	}
	list = curl_slist_append(transfer->headers, header);
	if (list == NULL)
		return false;
	transfer->headers = list;
	return true;
}

/* Everything that curl is told about a request; false leaves words in transfer->error. */
static bool
transfer_configure(HttpTransfer *transfer, const HttpRequest *request, const char *user_agent)
{
	CURL	   *easy = transfer->easy;
	CURLcode	code = CURLE_OK;

#define SET(option, value) \
	do { \
		if (code == CURLE_OK) \
			code = curl_easy_setopt(easy, option, value); \
	} while (0)

	SET(CURLOPT_ERRORBUFFER, transfer->error);
	SET(CURLOPT_PRIVATE, transfer);
	SET(CURLOPT_URL, request->url);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
	SET(CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_USERAGENT, user_agent);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long) request->connect_timeout_ms);
	SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t) Min(request->max_response_bytes, (size_t) PG_INT64_MAX));
	SET(CURLOPT_HEADERFUNCTION, transfer_on_header);
	SET(CURLOPT_HEADERDATA, transfer);
	SET(CURLOPT_WRITEFUNCTION, transfer_on_body);
	SET(CURLOPT_WRITEDATA, transfer);
	SET(CURLOPT_OPENSOCKETFUNCTION, transfer_on_open_socket);
	SET(CURLOPT_OPENSOCKETDATA, transfer);
	SET(CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
	SET(CURLOPT_PREREQFUNCTION, transfer_on_connected);
	SET(CURLOPT_PREREQDATA, transfer);
	if (request->body != NULL)
	{
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->body_length);
		SET(CURLOPT_COPYPOSTFIELDS, request->body);
	}
	if (strcmp(request->method, "HEAD") == 0)
		SET(CURLOPT_NOBODY, 1L);
	else
		SET(CURLOPT_CUSTOMREQUEST, request->method);

	/* A large POST would wait a second for permission that few servers give. */
	if (!transfer_add_header(transfer, "Expect:"))
		return false;
	for (const char *const *header = request->headers; header != NULL && *header != NULL; header++)
		if (!transfer_add_header(transfer, *header))
			return false;
	SET(CURLOPT_HTTPHEADER, transfer->headers);
#undef SET
	if (code != CURLE_OK)
		strlcpy(transfer->error, curl_easy_strerror(code), sizeof(transfer->error));
	return code == CURLE_OK;
}

HttpTransfer *
http_transfer_create(const HttpRequest *request, const char *user_agent)
{
	HttpTransfer *transfer = calloc(1, sizeof(HttpTransfer));

	if (transfer == NULL)
		return NULL;
	transfer->callback = request->callback;
	transfer->argument = request->argument;
	transfer->max_response_bytes = request->max_response_bytes;
	transfer->allow_private = request->allow_private;
	transfer->max_connections_per_host = request->max_connections_per_host;
	if (request->keep_head)
	{
		/* Chunked answers may have trailers too; all of it is counted as headers. */
		transfer->head = malloc(MAX_HEADER_BYTES + 1);
		if (transfer->head == NULL)
		{
			http_transfer_free(transfer);
			return NULL;
		}
		transfer->head[0] = '\0';
	}
	transfer->started = http_loop_now();
	transfer->deadline = transfer->started + (int64) request->total_timeout_ms * 1000;
	transfer->outcome = HTTP_INVALID_REQUEST;
	transfer->host = url_host(request->url);
	if (transfer->host == NULL)
		strlcpy(transfer->error, "not a URL of http or https", sizeof(transfer->error));
	else if (!method_is_valid(request->method))
		strlcpy(transfer->error, "malformed request method", sizeof(transfer->error));
	else
	{
		transfer->easy = curl_easy_init();
		transfer->ready = transfer->easy != NULL && transfer_configure(transfer, request, user_agent);
		if (!transfer->ready && transfer->error[0] == '\0')
			strlcpy(transfer->error, "out of memory", sizeof(transfer->error));
	}
	return transfer;
}

void
http_transfer_free(HttpTransfer *transfer)
{
	if (transfer->easy != NULL)
		curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers);
	free(transfer->host);
	free(transfer->head);
	free(transfer->body);
	free(transfer);
}

/* ---- What came out ---- */

/* Which part of the work the time ran out in, in words. */
static const char *
transfer_phase(CURL *easy)
{
	static const struct
	{
		CURLINFO	time;
		const char *before;
	}			phases[] = {
		{CURLINFO_NAMELOOKUP_TIME_T, "resolving the name"},
		{CURLINFO_CONNECT_TIME_T, "connecting"},
		{CURLINFO_PRETRANSFER_TIME_T, "negotiating TLS"},
		{CURLINFO_STARTTRANSFER_TIME_T, "waiting for an answer"}
	};

	for (size_t i = 0; i < lengthof(phases); i++)
	{
		curl_off_t	passed = 0;

		curl_easy_getinfo(easy, phases[i].time, &passed);
		if (passed == 0)
			return phases[i].before;
	}
	return "reading the answer";
}

static HttpOutcome
transfer_outcome(const HttpTransfer *transfer, CURLcode code)
{
	if (transfer->too_large)
		return HTTP_TOO_LARGE;
	switch (code)
	{
		case CURLE_OK:
			/* curl is content with a connection that ends within the headers. */
			return transfer->headers_ended ? HTTP_ANSWERED : HTTP_BROKEN;
		case CURLE_URL_MALFORMAT:
			return HTTP_INVALID_REQUEST;
		case CURLE_COULDNT_RESOLVE_HOST:
			return HTTP_NAME_UNKNOWN;
		case CURLE_ABORTED_BY_CALLBACK:
			return HTTP_ADDRESS_REFUSED;
		case CURLE_COULDNT_CONNECT:
			return transfer->addresses_refused > 0 &&
				transfer->addresses_refused == transfer->addresses_tried ?
				HTTP_ADDRESS_REFUSED : HTTP_NOT_CONNECTED;
		case CURLE_SSL_CONNECT_ERROR:
		case CURLE_PEER_FAILED_VERIFICATION:
		case CURLE_SSL_CERTPROBLEM:
		case CURLE_SSL_CIPHER:
		case CURLE_SSL_CACERT_BADFILE:
		case CURLE_SSL_CRL_BADFILE:
		case CURLE_SSL_ISSUER_ERROR:
		case CURLE_SSL_ENGINE_INITFAILED:
		case CURLE_SSL_INVALIDCERTSTATUS:
			return HTTP_TLS;
		case CURLE_FILESIZE_EXCEEDED:
			return HTTP_TOO_LARGE;
		case CURLE_OPERATION_TIMEDOUT:
			/* The connect time-out is the shorter one; curl counts in milliseconds. */
			return !transfer->possibly_sent && http_loop_now() + 2000 < transfer->deadline ?
				HTTP_NOT_CONNECTED : HTTP_TIMEOUT;
		default:
			return HTTP_BROKEN;
	}
}

void
http_transfer_complete(HttpTransfer *transfer, CURLcode code)
{
	HttpOutcome outcome = transfer_outcome(transfer, code);
	bool		headers_too_large = transfer->header_bytes > MAX_HEADER_BYTES;

	/*
	 * A kept connection that is lost before an answer makes curl try another,
	 * and TLS 1.3 may refuse us late: failing to connect then proves nothing.
	 */
	if (transfer->possibly_sent && outcome != HTTP_ANSWERED && outcome < HTTP_TIMEOUT)
		outcome = HTTP_BROKEN;
	if (code == CURLE_OPERATION_TIMEDOUT)
		snprintf(transfer->error, sizeof(transfer->error), "timed out after %d ms while %s",
				 (int) ((http_loop_now() - transfer->started) / 1000), transfer_phase(transfer->easy));
	else if (outcome == HTTP_TOO_LARGE)
		snprintf(transfer->error, sizeof(transfer->error), "answer has more than %zu bytes of %s",
				 headers_too_large ? (size_t) MAX_HEADER_BYTES : transfer->max_response_bytes,
				 headers_too_large ? "headers" : "body");
	else if (outcome == HTTP_ADDRESS_REFUSED)
		strlcpy(transfer->error, "address is private and not allowed", sizeof(transfer->error));
	else if (transfer->out_of_memory)
		strlcpy(transfer->error, "out of memory", sizeof(transfer->error));
	else if (outcome == HTTP_ANSWERED)
		transfer->error[0] = '\0';
	else if (code == CURLE_OK)
		strlcpy(transfer->error, "connection closed within the headers of the answer", sizeof(transfer->error));
	else if (transfer->error[0] == '\0')
		strlcpy(transfer->error, curl_easy_strerror(code), sizeof(transfer->error));
	transfer->outcome = outcome;
}

void
http_transfer_respond(const HttpTransfer *transfer, HttpResponse *response)
{
	const char *content_type = NULL;
	curl_off_t	retry_after = 0;
	long		status = 0;

	if (transfer->easy != NULL)
	{
		curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &content_type);
		curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after);
	}
	memset(response, 0, sizeof(*response));
	response->outcome = transfer->outcome;
	response->possibly_sent = transfer->possibly_sent;
	response->status = (int) status;
	response->body = "";
	if (transfer->outcome == HTTP_ANSWERED && transfer->body != NULL)
	{
		response->body = transfer->body;
		response->body_length = transfer->body_length;
	}
	response->error = transfer->error;
	response->head = transfer->outcome == HTTP_ANSWERED && transfer->head != NULL ? transfer->head : "";
	response->content_type = content_type != NULL ? content_type : "";
	response->retry_after_ms = transfer->has_retry_after ?
		(int) Min(retry_after, INT_MAX / 1000) * 1000 : -1;
	response->elapsed_us = http_loop_now() - transfer->started;
}
