/*
 * mailbox.c
 *		A backend asks a worker for something and waits for the answer.
 *
 * The asker makes a dynamic segment with question and answer queue and puts
 * its handle into the box of (database, kind); a worker of that kind takes it.
 * Both see the other's death: the worker's ends the queue, the asker's clears
 * a flag, and its handle leaves the box with it.  Questions may hold secrets:
 * each side overwrites its copy when it is done.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/dsm.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/shm_mq.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "core/mailbox.h"
#include "core/session.h"
#include "core/shared.h"
#include "core/worker_entry.h"

/* Room for an answer on its way; a longer one flows through while the asker reads. */
#define ANSWER_QUEUE_SIZE 16384
/* An asker that doesn't read (stopped by a signal, say) must not stop the worker for longer. */
#define ANSWER_WAIT_MS 1000
/* So often the asker makes sure that somebody is there. */
#define ASKER_LOOK_MS 1000

typedef struct Envelope
{
	pg_atomic_uint32 asker_is_alive;
	Size		question_length;
	char		question[FLEXIBLE_ARRAY_MEMBER];	/* the queue follows, MAXALIGNed */
} Envelope;

struct MailboxLetter
{
	dsm_segment *segment;
	shm_mq_handle *queue;
	char	   *question;
	Size		question_length;
};

static shm_mq *
queue_of(Envelope *envelope, Size question_length)
{
	return (shm_mq *) ((char *) envelope + MAXALIGN(offsetof(Envelope, question) + question_length));
}

/* ------------------------------------------------------------------------
 * The asker
 * ---------------------------------------------------------------------- */

static bool
box_put(LetterBox *box, dsm_handle letter)
{
	bool		room;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	room = box->count < SHARED_MAX_LETTERS;
	if (room)
		box->letters[(box->first + box->count++) % SHARED_MAX_LETTERS] = letter;
	LWLockRelease(shared->lock);
	return room;
}

/* Takes back what no worker has taken. */
static void
box_remove(LetterBox *box, dsm_handle letter)
{
	uint32		kept = 0;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	for (uint32 i = 0; i < box->count; i++)
	{
		dsm_handle	one = box->letters[(box->first + i) % SHARED_MAX_LETTERS];

		if (one != letter)
			box->letters[(box->first + kept++) % SHARED_MAX_LETTERS] = one;
	}
	box->count = kept;
	LWLockRelease(shared->lock);
}

/* The asker has its answer, has given up, or ends by an error. */
static void
asker_leaves(dsm_segment *segment, Datum box)
{
	Envelope   *envelope = dsm_segment_address(segment);

	pg_atomic_write_u32(&envelope->asker_is_alive, 0);
	box_remove((LetterBox *) DatumGetPointer(box), dsm_segment_handle(segment));
	explicit_bzero(envelope->question, envelope->question_length);
}

static dsm_segment *
envelope_make(const void *question, Size length, LetterBox *box, shm_mq_handle **queue)
{
	Size		size = add_size(MAXALIGN(add_size(offsetof(Envelope, question), length)), ANSWER_QUEUE_SIZE);
	dsm_segment *segment = dsm_create(size, DSM_CREATE_NULL_IF_MAXSEGMENTS);
	Envelope   *envelope;
	shm_mq	   *answers;

	if (segment == NULL)
		return NULL;
	envelope = dsm_segment_address(segment);
	pg_atomic_init_u32(&envelope->asker_is_alive, 1);
	envelope->question_length = length;
	memcpy(envelope->question, question, length);
	on_dsm_detach(segment, asker_leaves, PointerGetDatum(box));
	answers = shm_mq_create(queue_of(envelope, length), ANSWER_QUEUE_SIZE);
	shm_mq_set_receiver(answers, MyProc);
	*queue = shm_mq_attach(answers, segment, NULL);
	return segment;
}

/* Waits for the answer; NULL with the reason. */
static void *
answer_wait(shm_mq_handle *queue, WorkerKind kind, long timeout_ms, Size *length, const char **reason)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), timeout_ms);

	for (;;)
	{
		void	   *data;
		long		left;
		shm_mq_result result = shm_mq_receive(queue, length, &data, true);

		if (result == SHM_MQ_SUCCESS)
			return data;
		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
		if (result == SHM_MQ_DETACHED)
			*reason = "the worker ended before it answered";
		else if (left <= 0)
			*reason = "the worker did not answer in time";
		else if (!worker_running(MyDatabaseId, kind))
			*reason = "the worker is not running";
		else
		{
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							 Min(left, ASKER_LOOK_MS), session_wait_event());
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
			continue;
		}
		return NULL;
	}
}

bool
mailbox_ask(WorkerKind kind, const void *question, Size question_length,
			long timeout_ms, void **answer, Size *answer_length, const char **reason)
{
	DatabaseSlot *slot = shared_my_slot();
	dsm_segment *segment;
	shm_mq_handle *queue;
	void	   *data = NULL;

	*answer = NULL;
	*answer_length = 0;
	*reason = "the worker is not running";
	if (slot == NULL || !worker_running(MyDatabaseId, kind))
		return false;
	segment = envelope_make(question, question_length, &slot->boxes[kind], &queue);
	if (segment == NULL)
	{
		*reason = "the server has no dynamic shared memory segment left";
		return false;
	}
	if (box_put(&slot->boxes[kind], dsm_segment_handle(segment)))
	{
		worker_wake(MyDatabaseId, kind);
		data = answer_wait(queue, kind, timeout_ms, answer_length, reason);
	}
	else
		*reason = "the worker's queue is full";
	if (data != NULL)
	{
		*answer = palloc(Max(*answer_length, 1));
		memcpy(*answer, data, *answer_length);
	}
	dsm_detach(segment);
	return *answer != NULL;
}

/* ------------------------------------------------------------------------
 * The worker
 * ---------------------------------------------------------------------- */

static bool
box_take(LetterBox *box, dsm_handle *letter)
{
	bool		found;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	found = box->count > 0;
	if (found)
	{
		*letter = box->letters[box->first];
		box->first = (box->first + 1) % SHARED_MAX_LETTERS;
		box->count--;
	}
	LWLockRelease(shared->lock);
	return found;
}

static MailboxLetter *
letter_open(dsm_segment *segment)
{
	MemoryContext old = MemoryContextSwitchTo(worker_context());
	MailboxLetter *letter = palloc(sizeof(MailboxLetter));
	Envelope   *envelope = dsm_segment_address(segment);
	shm_mq	   *answers = queue_of(envelope, envelope->question_length);

	dsm_pin_mapping(segment);
	letter->segment = segment;
	/* A copy: the asker's may be overwritten at any moment. */
	letter->question_length = envelope->question_length;
	letter->question = palloc(Max(letter->question_length, 1));
	memcpy(letter->question, envelope->question, letter->question_length);
	shm_mq_set_sender(answers, MyProc);
	letter->queue = shm_mq_attach(answers, segment, NULL);
	MemoryContextSwitchTo(old);
	return letter;
}

MailboxLetter *
mailbox_take(const void **question, Size *question_length)
{
	LetterBox  *box = &entry_slot()->boxes[entry_identity()->kind];
	dsm_handle	handle;

	/* Without the lock: whoever puts one in wakes us afterwards. */
	if (box->count == 0)
		return NULL;
	while (box_take(box, &handle))
	{
		dsm_segment *segment = dsm_attach(handle);
		MailboxLetter *letter;

		if (segment == NULL)
			continue;			/* the asker has gone */
		letter = letter_open(segment);
		*question = letter->question;
		*question_length = letter->question_length;
		return letter;
	}
	return NULL;
}

bool
mailbox_asker_is_alive(MailboxLetter *letter)
{
	Envelope   *envelope = dsm_segment_address(letter->segment);

	return pg_atomic_read_u32(&envelope->asker_is_alive) != 0;
}

void
mailbox_answer(MailboxLetter *letter, const void *answer, Size answer_length)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ANSWER_WAIT_MS);

	while (shm_mq_send(letter->queue, answer_length, answer, true, true) == SHM_MQ_WOULD_BLOCK &&
		   mailbox_asker_is_alive(letter) && GetCurrentTimestamp() < deadline)
	{
		/* The latch is left for the turn; a reader at work makes room within microseconds. */
		(void) WaitLatch(NULL, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 1, session_wait_event());
		CHECK_FOR_INTERRUPTS();
	}
	mailbox_drop(letter);
}

void
mailbox_drop(MailboxLetter *letter)
{
	shm_mq_detach(letter->queue);
	dsm_detach(letter->segment);
	explicit_bzero(letter->question, letter->question_length);
	pfree(letter->question);
	pfree(letter);
}
