/*
 * net_probe.c
 *		Drives the HTTP and JSON-RPC clients from a script; in test builds only.
 *
 * dalp_net_probe(file) starts a background worker without a database, as
 * outgoing connections are never made within a transaction.  The worker does
 * what the JSON in the file says and writes to file.out a JSON object a line:
 * one for each answer, as it comes, then one with "done".  The TAP tests
 * create the SQL function themselves; it is no part of the extension.
 *
 * {"requests": [{"url", "method", "headers", "body" or "body_bytes", "rpc": [{"method", "params"}],
 *                "connect_timeout_ms", "total_timeout_ms", "max_response_bytes",
 *                "allow_private", "raise"}],
 *  "repeat", "in_flight", "max_connections_per_host", "max_connections",
 *  "quiet": no line for each answer,   "own_latch": the latch is set all the time,
 *  "linger_ms": wait so long before the first request is made,
 *  "destroy_after_ms": give up what is in flight then}
 */
#ifdef DALP_TEST

#include "postgres.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "compat.h"
#include "net/http_loop.h"
#include "net/json_rpc.h"

pg_noreturn extern PGDLLEXPORT void dalp_net_probe_main(Datum argument);

DALP_FUNCTION(dalp_net_probe);

typedef struct Probe
{
	const Doc  *script;
	HttpClient *client;
	MemoryContext turn;			/* reset after each wait */
	FILE	   *output;
	int64		total;			/* requests to be made */
	int64		started;
	int64		answered;
	int64		raised;
	int64		latch_wakes;
	int64		counts[16];		/* by outcome, of whichever kind the requests are */
	int64		left_open;		/* files, after the client is destroyed */
	int64		warm_kb;		/* resident memory after a tenth of the requests */
} Probe;

typedef struct ProbeRequest
{
	Probe	   *probe;
	int64		number;
	const Doc  *script;
} ProbeRequest;

static int64
number_of(const Doc *object, const char *key, int64 otherwise)
{
	const Doc  *value = doc_get(object, key);
	int64		number;

	return doc_is(value, DOC_NUMBER) && doc_to_int64(value, &number) ? number : otherwise;
}

static bool
flag_of(const Doc *object, const char *key)
{
	const Doc  *value = doc_get(object, key);

	return doc_is(value, DOC_BOOL) && value->boolean;
}

static int64
resident_kb(void)
{
	FILE	   *file = AllocateFile("/proc/self/statm", "r");
	long		size = 0;
	long		resident = 0;

	if (file == NULL || fscanf(file, "%ld %ld", &size, &resident) != 2)
		elog(ERROR, "could not read /proc/self/statm");
	FreeFile(file);
	return (int64) resident * sysconf(_SC_PAGESIZE) / 1024;
}

static int64
open_files(void)
{
	DIR		   *folder = AllocateDir("/proc/self/fd");
	int64		count = 0;

	while (ReadDir(folder, "/proc/self/fd") != NULL)
		count++;
	FreeDir(folder);
	return count;
}

/* Processor time of this process so far. */
static int64
busy_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (int64) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
		usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void
write_line(Probe *probe, const Doc *line)
{
	char	   *text = doc_write(line, NULL);

	fprintf(probe->output, "%s\n", text);
	fflush(probe->output);
}

static void
request_done(ProbeRequest *request, int outcome)
{
	Probe	   *probe = request->probe;
	bool		raise = flag_of(request->script, "raise");

	probe->answered++;
	probe->counts[outcome]++;
	if (probe->answered == probe->total / 10)
		probe->warm_kb = resident_kb();
	pfree(request);
	if (raise)
		elog(ERROR, "raised by a callback");
}

static void
on_http(void *argument, const HttpResponse *response)
{
	ProbeRequest *request = argument;

	if (!flag_of(request->probe->script, "quiet"))
	{
		Doc		   *line = doc_object();

		doc_object_add(line, "number", doc_int(request->number));
		doc_object_add(line, "outcome", doc_text(http_outcome_name(response->outcome)));
		doc_object_add(line, "possibly_sent", doc_bool(response->possibly_sent));
		doc_object_add(line, "status", doc_int(response->status));
		doc_object_add(line, "body_length", doc_int(response->body_length));
		doc_object_add(line, "body", doc_string(response->body, Min(response->body_length, 1000)));
		doc_object_add(line, "error", doc_text(response->error));
		doc_object_add(line, "content_type", doc_text(response->content_type));
		doc_object_add(line, "retry_after_ms", doc_int(response->retry_after_ms));
		doc_object_add(line, "elapsed_ms", doc_int(response->elapsed_us / 1000));
		write_line(request->probe, line);
	}
	request_done(request, response->outcome);
}

static const Doc *
call_line(const RpcCall *call)
{
	Doc		   *line = doc_object();

	doc_object_add(line, "outcome", doc_text(rpc_outcome_name(call->outcome)));
	if (call->result != NULL)
		doc_object_add(line, "result", call->result);
	if (call->error_message != NULL)
	{
		doc_object_add(line, "code", doc_int(call->error_code));
		doc_object_add(line, "message", doc_text(call->error_message));
	}
	if (call->error_data != NULL)
		doc_object_add(line, "data", call->error_data);
	return line;
}

static void
on_rpc(void *argument, const RpcBatch *batch)
{
	ProbeRequest *request = argument;

	if (!flag_of(request->probe->script, "quiet"))
	{
		Doc		   *line = doc_object();
		Doc		   *calls = doc_array();

		for (int i = 0; i < batch->call_count; i++)
			doc_array_add(calls, call_line(&batch->calls[i]));
		doc_object_add(line, "number", doc_int(request->number));
		doc_object_add(line, "outcome", doc_text(rpc_batch_outcome_name(batch->outcome)));
		doc_object_add(line, "transport", doc_text(http_outcome_name(batch->transport)));
		doc_object_add(line, "http_status", doc_int(batch->http_status));
		doc_object_add(line, "retry_after_ms", doc_int(batch->retry_after_ms));
		doc_object_add(line, "error_code", doc_int(batch->error_code));
		doc_object_add(line, "error", doc_text(batch->error));
		doc_object_add(line, "calls", calls);
		write_line(request->probe, line);
	}
	request_done(request, batch->outcome);
}

/* The body that a request is to have, or NULL. */
static const char *
body_of(const Doc *script)
{
	int64		length = number_of(script, "body_bytes", -1);
	char	   *body;

	if (length < 0)
		return doc_get_text(script, "body");
	body = palloc0(length + 1);
	memset(body, 'x', length);
	return body;
}

static const char *const *
headers_of(const Doc *script)
{
	const Doc  *list = doc_get(script, "headers");
	const char **headers;

	if (!doc_is(list, DOC_ARRAY))
		return NULL;
	headers = palloc0((list->length + 1) * sizeof(char *));
	for (uint32 i = 0; i < list->length; i++)
		headers[i] = list->items[i]->text;
	return headers;
}

static void
start_rpc(ProbeRequest *request, const HttpRequest *http)
{
	const Doc  *calls = doc_get(request->script, "rpc");
	RpcBatch   *batch = rpc_batch_create(TopMemoryContext);
	RpcEndpoint endpoint = {
		.url = http->url,
		.headers = http->headers,
		.connect_timeout_ms = http->connect_timeout_ms,
		.total_timeout_ms = http->total_timeout_ms,
		.max_response_bytes = http->max_response_bytes,
		.allow_private = http->allow_private
	};

	for (uint32 i = 0; i < calls->length; i++)
		rpc_batch_add(batch, doc_get_text(calls->items[i], "method"), doc_get(calls->items[i], "params"));
	rpc_batch_send(batch, request->probe->client, &endpoint, on_rpc, request);
}

static void
start_request(Probe *probe)
{
	const Doc  *requests = doc_get(probe->script, "requests");
	ProbeRequest *request = MemoryContextAllocZero(TopMemoryContext, sizeof(ProbeRequest));
	const Doc  *script = requests->items[probe->started % requests->length];
	const char *method = doc_get_text(script, "method");
	const char *body = body_of(script);
	HttpRequest http = {
		.method = method != NULL ? method : "GET",
		.url = doc_get_text(script, "url"),
		.headers = headers_of(script),
		.body = body,
		.body_length = body != NULL ? strlen(body) : 0,
		.connect_timeout_ms = (int) number_of(script, "connect_timeout_ms", 5000),
		.total_timeout_ms = (int) number_of(script, "total_timeout_ms", 10000),
		.max_response_bytes = (size_t) number_of(script, "max_response_bytes", 1000000),
		.allow_private = doc_get(script, "allow_private") == NULL || flag_of(script, "allow_private"),
		.callback = on_http,
		.argument = request
	};

	request->probe = probe;
	request->script = script;
	request->number = probe->started++;
	if (doc_is(doc_get(script, "rpc"), DOC_ARRAY))
		start_rpc(request, &http);
	else
		http_client_start(probe->client, &http);
}

/* One wait; an ERROR of a callback is counted and survived, as a worker may. */
static void
wait_once(Probe *probe)
{
	PG_TRY();
	{
		if (http_client_wait(probe->client, 1000, PG_WAIT_EXTENSION) == HTTP_WAKE_LATCH)
			probe->latch_wakes++;
	}
	PG_CATCH();
	{
		if (ProcDiePending)
			PG_RE_THROW();
		probe->raised++;
		FlushErrorState();
	}
	PG_END_TRY();
}

static void
run(Probe *probe)
{
	const Doc  *requests = doc_get(probe->script, "requests");
	int			in_flight = (int) number_of(probe->script, "in_flight", 1000);
	int64		give_up_ms = number_of(probe->script, "destroy_after_ms", -1);
	int64		linger_ms = number_of(probe->script, "linger_ms", 0);
	int64		begin = http_loop_now();

	probe->total = requests->length * number_of(probe->script, "repeat", 1);
	while (probe->answered < probe->total)
	{
		bool		lingers = http_loop_now() - begin < linger_ms * 1000;

		MemoryContextSwitchTo(probe->turn);
		MemoryContextReset(probe->turn);
		while (!lingers && probe->started < probe->total && http_client_in_flight(probe->client) < in_flight)
			start_request(probe);
		if (flag_of(probe->script, "own_latch"))
			SetLatch(MyLatch);
		wait_once(probe);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (give_up_ms >= 0 && http_loop_now() - begin >= give_up_ms * 1000)
			break;
	}
}

static const Doc *
summary(const Probe *probe, int64 begin, int64 destroy_us)
{
	Doc		   *line = doc_object();
	Doc		   *counts = doc_array();

	for (size_t i = 0; i < lengthof(probe->counts); i++)
		doc_array_add(counts, doc_int(probe->counts[i]));
	doc_object_add(line, "done", doc_bool(true));
	doc_object_add(line, "answered", doc_int(probe->answered));
	doc_object_add(line, "raised", doc_int(probe->raised));
	doc_object_add(line, "latch_wakes", doc_int(probe->latch_wakes));
	doc_object_add(line, "elapsed_us", doc_int(http_loop_now() - begin));
	doc_object_add(line, "busy_us", doc_int(busy_us()));
	doc_object_add(line, "destroy_us", doc_int(destroy_us));
	doc_object_add(line, "warm_kb", doc_int(probe->warm_kb));
	doc_object_add(line, "resident_kb", doc_int(resident_kb()));
	doc_object_add(line, "left_open", doc_int(probe->left_open));
	doc_object_add(line, "counts", counts);
	return line;
}

static const Doc *
read_script(const char *name)
{
	FILE	   *file = AllocateFile(name, "r");
	char	   *text = palloc(1000000);
	Problem		problem = {0};
	const Doc  *script;
	size_t		length;

	if (file == NULL)
		elog(ERROR, "could not open \"%s\": %m", name);
	length = fread(text, 1, 1000000, file);
	FreeFile(file);
	script = doc_parse(text, length, &problem);
	if (script == NULL)
		elog(ERROR, "could not parse \"%s\": %s at %s", name, problem.message, problem.where);
	return script;
}

void
dalp_net_probe_main(Datum argument)
{
	Probe		probe = {0};
	HttpClientOptions options = {.user_agent = "dalp/probe"};
	char		output[MAXPGPATH];
	int64		begin = http_loop_now();
	int64		destroy;
	int64		files_before;

	(void) argument;
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);

	probe.turn = AllocSetContextCreate(TopMemoryContext, "probe turn", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(TopMemoryContext);
	snprintf(output, sizeof(output), "%s.out", MyBgworkerEntry->bgw_extra);
	probe.output = fopen(output, "w");
	if (probe.output == NULL)
		elog(ERROR, "could not open \"%s\": %m", output);
	probe.script = read_script(MyBgworkerEntry->bgw_extra);
	options.max_connections_per_host = (int) number_of(probe.script, "max_connections_per_host", 16);
	options.max_connections = (int) number_of(probe.script, "max_connections", 64);

	files_before = open_files();
	probe.client = http_client_create(&options);
	run(&probe);
	MemoryContextSwitchTo(TopMemoryContext);
	destroy = http_loop_now();
	http_client_destroy(probe.client);
	destroy = http_loop_now() - destroy;
	probe.left_open = open_files() - files_before;
	write_line(&probe, summary(&probe, begin, destroy));
	proc_exit(0);
}

/* dalp_net_probe(file text) returns integer: the process id of the worker. */
Datum
dalp_net_probe(PG_FUNCTION_ARGS)
{
	char	   *file = text_to_cstring(PG_GETARG_TEXT_PP(0));
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	pid_t		pid;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	strlcpy(worker.bgw_name, "dalp net probe", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "dalp net probe", BGW_MAXLEN);
	strlcpy(worker.bgw_library_name, "dalp", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "dalp_net_probe_main", BGW_MAXLEN);
	if (strlcpy(worker.bgw_extra, file, BGW_EXTRALEN) >= BGW_EXTRALEN)
		elog(ERROR, "file name \"%s\" is too long", file);
	if (!RegisterDynamicBackgroundWorker(&worker, &handle) ||
		WaitForBackgroundWorkerStartup(handle, &pid) != BGWH_STARTED)
		elog(ERROR, "could not start the probe");
	PG_RETURN_INT32(pid);
}

#endif							/* DALP_TEST */
