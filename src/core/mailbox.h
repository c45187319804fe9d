/*
 * mailbox.h
 *		A backend asks a worker for something and waits for the answer.
 *
 * For questions that can't go through a table because the asker's transaction
 * isn't committed: a read-only call of a contract (broadcaster), a proof to be
 * checked (verifier).  The question travels in a dynamic shared memory
 * segment, the answer in an shm_mq, so that either side notices the other's
 * death.  Nothing of it is ever written to disk.
 */
#ifndef DALP_MAILBOX_H
#define DALP_MAILBOX_H

#include "postgres.h"

#include "core/worker.h"

/*
 * Asks and waits.  The answer is palloc'd.  Returns false at the timeout, and
 * where no worker of that kind runs or its queue is full (*reason says which).
 * Serves interrupts while it waits.
 */
extern bool mailbox_ask(WorkerKind kind, const void *question, Size question_length,
						long timeout_ms, void **answer, Size *answer_length, const char **reason);

typedef struct MailboxLetter MailboxLetter;

/* In the worker: the next question, or NULL.  The text is valid until answered or dropped. */
extern MailboxLetter *mailbox_take(const void **question, Size *question_length);
extern bool mailbox_asker_is_alive(MailboxLetter *letter);
extern void mailbox_answer(MailboxLetter *letter, const void *answer, Size answer_length);
extern void mailbox_drop(MailboxLetter *letter);

#endif							/* DALP_MAILBOX_H */
