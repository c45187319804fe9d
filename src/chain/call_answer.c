/*
 * call_answer.c
 *		Answers dalp.call: read-only calls of contracts for backends that wait.
 *
 * In the broadcaster.  A question is JSON text
 * {"chain", "to", "data", "block"}, an answer {"result": "0x…"} or
 * {"error": {"class", "code", "message", "data"}}.  Whoever has gone away
 * meanwhile gets no answer and costs nothing but the call.
 */
#include "postgres.h"

#include <limits.h>

#include "utils/timestamp.h"

#include "chain/rpc_round.h"
#include "core/mailbox.h"
#include "core/settings.h"

/* Calls under way at once; more questions wait in the mailbox. */
#define CALLS 64

/* Between looks for an endpoint, where a question waits for one. */
#define RETRY_MS 50

static int	calls = 0;

/* A question that waits for an endpoint to be connected. */
typedef struct WaitingLetter
{
	MailboxLetter *letter;
	const char *question;
	Size		length;
	TimestampTz until;
} WaitingLetter;

static WaitingLetter waiting[CALLS];
static int	waiting_count = 0;

typedef struct CallState
{
	MailboxLetter *letter;
	char	   *answer;
} CallState;

static char *
error_answer(const char *class, int64 code, const char *message, const Doc *data)
{
	Doc		   *error = doc_object();
	Doc		   *answer = doc_object();

	doc_object_add(error, "class", doc_text(class));
	doc_object_add(error, "code", doc_int(code));
	doc_object_add(error, "message", doc_text(message));
	doc_object_add(error, "data", data != NULL ? data : doc_null());
	doc_object_add(answer, "error", error);
	return doc_write(answer, NULL);
}

static void
call_extract(RpcRound *round, int index, const RpcCall *call)
{
	CallState  *state = round->state;

	(void) index;
	if (call->outcome == RPC_RESULT)
	{
		Doc		   *answer = doc_object();

		doc_object_add(answer, "result", call->result);
		state->answer = doc_write(answer, NULL);
	}
	else if (call->outcome == RPC_ERROR)
		state->answer = error_answer(rpc_class_name(round_class(round, call)), call->error_code,
									 call->error_message, call->error_data);
	else
		state->answer = error_answer("unavailable", 0, "the endpoint did not answer", NULL);
}

static void
call_done(RpcRound *round)
{
	CallState  *state = round->state;

	calls--;
	mailbox_answer(state->letter, state->answer, strlen(state->answer));
	broadcaster_has_news();
}

static void
answer_with_error(MailboxLetter *letter, const char *class, const char *message)
{
	char	   *answer = error_answer(class, 0, message, NULL);

	mailbox_answer(letter, answer, strlen(answer));
}

/* False where no endpoint is connected yet: ask again. */
static bool
call_start(MailboxLetter *letter, const char *question, Size length)
{
	Problem		problem = {{0}, {0}};
	const Doc  *asked = doc_parse(question, length, &problem);
	const char *name = doc_get_text(asked, "chain");
	const char *block = doc_get_text(asked, "block");
	ChainWork  *chain = name == NULL ? NULL : broadcaster_chain_by_name(name);
	TimestampTz due = DT_NOEND;
	Endpoint   *endpoint;
	RpcRound   *round;
	CallState  *state;
	MemoryContext old;
	Doc		   *params;
	Doc		   *call;

	if (chain == NULL)
	{
		answer_with_error(letter, "unknown_chain", "the broadcaster does not know the chain");
		return true;
	}
	endpoint = endpoint_pick(chain, GetCurrentTimestamp(), &due);
	if (endpoint == NULL)
		return false;
	round = round_create(chain, endpoint);
	old = MemoryContextSwitchTo(round->context);
	state = palloc0(sizeof(CallState));
	state->letter = letter;
	round->state = state;
	call = doc_object();
	if (doc_get_text(asked, "from") != NULL)
		doc_object_add(call, "from", doc_text(doc_get_text(asked, "from")));
	if (doc_get_text(asked, "to") != NULL)
		doc_object_add(call, "to", doc_text(doc_get_text(asked, "to")));
	doc_object_add(call, "data", doc_text(doc_get_text(asked, "data") != NULL ? doc_get_text(asked, "data") : "0x"));
	params = doc_array();
	doc_array_add(params, call);
	doc_array_add(params, doc_text(block != NULL ? block : "latest"));
	round_add(round, "eth_call", params);
	calls++;
	MemoryContextSwitchTo(old);
	round_start(round, call_extract, call_done);
	return true;
}

/* Those that wait for an endpoint: whoever has waited too long, or is gone, waits no more. */
static void
retry_waiting(TimestampTz now)
{
	int			left = 0;

	for (int i = 0; i < waiting_count; i++)
	{
		WaitingLetter *one = &waiting[i];

		if (!mailbox_asker_is_alive(one->letter))
			mailbox_drop(one->letter);
		else if (now >= one->until)
			answer_with_error(one->letter, "unavailable", "no endpoint of the chain works");
		else if (!call_start(one->letter, one->question, one->length))
			waiting[left++] = *one;
	}
	waiting_count = left;
}

long
call_answer_take(void)
{
	TimestampTz now = GetCurrentTimestamp();
	const void *question;
	Size		length;
	MailboxLetter *letter;

	retry_waiting(now);
	while (calls + waiting_count < CALLS && (letter = mailbox_take(&question, &length)) != NULL)
		if (!call_start(letter, question, length))
			waiting[waiting_count++] = (WaitingLetter)
			{
				letter, question, length, TimestampTzPlusMilliseconds(now, dalp_rpc_timeout)
			};
	return waiting_count > 0 ? RETRY_MS : LONG_MAX;
}
