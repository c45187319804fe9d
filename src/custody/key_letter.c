/*
 * key_letter.c
 *		See key_letter.h.
 */
#include "postgres.h"

#include "compat.h"
#include "core/errors.h"
#include "core/mailbox.h"
#include "custody/key_letter.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/timestamp.h"

/* The only question so far; a byte, so that others can follow. */
#define QUESTION_CREATE 'C'

typedef struct KeyAnswer
{
	bool		done;
	KeyProblem	problem;		/* unless done */
	SealedKey	key;
	MasterKeyRow master;
} KeyAnswer;

/* How long a caller waits for the signer to start (right after CREATE EXTENSION), and for its answer. */
#define START_TIMEOUT_MS 5000
#define ANSWER_TIMEOUT_MS 15000
#define START_POLL_MS 20

static void
wait_for_signer(void)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), START_TIMEOUT_MS);

	while (!worker_running(MyDatabaseId, WORKER_SIGNER) && GetCurrentTimestamp() < until)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 START_POLL_MS, WaitEventExtensionNew("DalpSigner"));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

void
key_letter_create(SealedKey *key, MasterKeyRow *master)
{
	char		question = QUESTION_CREATE;
	void	   *bytes;
	Size		length;
	const char *reason = NULL;
	KeyAnswer	answer;

	wait_for_signer();
	if (!mailbox_ask(WORKER_SIGNER, &question, 1, ANSWER_TIMEOUT_MS, &bytes, &length, &reason))
		ereport(ERROR,
				(errcode(ERRCODE_DALP_NOT_LOADED),
				 errmsg("the signer does not answer"),
				 errdetail("Reason: %s.", reason ? reason : "unknown"),
				 errhint("The view dalp.workers and the server's log tell what it does; it starts within a second after CREATE EXTENSION is committed.")));
	if (length != sizeof(answer))
		elog(ERROR, "answer of the signer has a wrong size");
	memcpy(&answer, bytes, sizeof(answer));
	if (!answer.done)
		key_problem_raise(&answer.problem);
	*key = answer.key;
	*master = answer.master;
}

static void
answer_create(KeyAnswer *answer)
{
	answer->done = signer_keys_ready(&answer->problem) &&
		signer_keys_create(&answer->key, &answer->problem);
	if (!answer->done)
		return;
	answer->master.version = signer_keys_master_version();
	memcpy(answer->master.check_value, signer_keys_check_value(), sizeof(answer->master.check_value));
}

void
key_letter_serve(void)
{
	MailboxLetter *letter;
	const void *question;
	Size		length;

	while ((letter = mailbox_take(&question, &length)) != NULL)
	{
		KeyAnswer	answer;

		if (length != 1 || *(const char *) question != QUESTION_CREATE ||
			!mailbox_asker_is_alive(letter))
		{
			mailbox_drop(letter);
			continue;
		}
		/* All of it, padding too, goes to another process. */
		memset(&answer, 0, sizeof(answer));
		worker_begin("making a key");
		answer_create(&answer);
		worker_commit();
		mailbox_answer(letter, &answer, sizeof(answer));
	}
}
