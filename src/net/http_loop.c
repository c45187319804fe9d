/*
 * http_loop.c
 *		Marries curl's multi interface to PostgreSQL's wait events.
 *
 * curl says by callbacks which sockets it cares for and when it wants to be
 * called next; we sleep on these, the latch and the postmaster's death by one
 * WaitEventSet, which is built anew after the sockets have changed (there is no
 * taking out of one).  The set is only for sleeping.  What is ready is asked
 * of the kernel afterwards by poll(), because a WaitEventSet whose latch is
 * set reports nothing else, and a worker that is woken all the time would
 * never get to its sockets.
 *
 * Memory is malloc's: the callbacks run within curl, where an ERROR must not
 * pass.
 *
 * Threads and signals.  Debian's libcurl resolves names in threads of its own.
 * They never touch PostgreSQL, but a signal for the process may be delivered to
 * any thread that doesn't block it, and PostgreSQL's handlers expect to run
 * in the main one.  Threads inherit the mask of their creator, so all signals
 * are blocked while curl works; they stay pending for the main thread, for
 * curl never waits there.
 */
#include "postgres.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "miscadmin.h"
#include "storage/latch.h"

#include "compat.h"
#include "net/http_loop.h"

struct HttpLoop
{
	CURLM	   *multi;
	struct pollfd *sockets;		/* what curl cares for */
	struct pollfd *polled;		/* a copy to ask the kernel with, of the same capacity */
	int			socket_count;
	int			socket_capacity;
	int64		timer;			/* when curl wants to be called, monotonic; -1: no wish */
	WaitEventSet *set;
	bool		set_is_old;		/* sockets have changed since it was built */
};

int64
http_loop_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool
loop_reserve_socket(HttpLoop *loop)
{
	int			capacity = loop->socket_capacity == 0 ? 16 : loop->socket_capacity * 2;
	struct pollfd *grown;

	if (loop->socket_count < loop->socket_capacity)
		return true;
	grown = realloc(loop->sockets, capacity * sizeof(struct pollfd));
	if (grown == NULL)
		return false;
	loop->sockets = grown;
	grown = realloc(loop->polled, capacity * sizeof(struct pollfd));
	if (grown == NULL)
		return false;
	loop->polled = grown;
	loop->socket_capacity = capacity;
	return true;
}

/* CURLMOPT_SOCKETFUNCTION; -1 makes the multi handle fail for good. */
static int
loop_on_socket(CURL *easy, curl_socket_t fd, int what, void *argument, void *socket_argument)
{
	HttpLoop   *loop = argument;
	int			i = 0;

	(void) easy;
	(void) socket_argument;

	loop->set_is_old = true;
	while (i < loop->socket_count && loop->sockets[i].fd != fd)
		i++;
	if (what == CURL_POLL_REMOVE)
	{
		if (i < loop->socket_count)
			loop->sockets[i] = loop->sockets[--loop->socket_count];
		return 0;
	}
	if (i == loop->socket_count)
	{
		if (!loop_reserve_socket(loop))
			return -1;
		loop->sockets[loop->socket_count++].fd = fd;
	}
	loop->sockets[i].events = ((what & CURL_POLL_IN) ? POLLIN : 0) |
		((what & CURL_POLL_OUT) ? POLLOUT : 0);
	loop->sockets[i].revents = 0;
	return 0;
}

/* CURLMOPT_TIMERFUNCTION. */
static int
loop_on_timer(CURLM *multi, long timeout_ms, void *argument)
{
	HttpLoop   *loop = argument;

	(void) multi;
	loop->timer = timeout_ms < 0 ? -1 : http_loop_now() + (int64) timeout_ms * 1000;
	return 0;
}

HttpLoop *
http_loop_create(CURLM *multi)
{
	HttpLoop   *loop = calloc(1, sizeof(HttpLoop));

	if (loop == NULL)
		return NULL;
	loop->multi = multi;
	loop->timer = -1;
	loop->set_is_old = true;
	if (curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, loop_on_socket) != CURLM_OK ||
		curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, loop) != CURLM_OK ||
		curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, loop_on_timer) != CURLM_OK ||
		curl_multi_setopt(multi, CURLMOPT_TIMERDATA, loop) != CURLM_OK)
	{
		free(loop);
		return NULL;
	}
	return loop;
}

void
http_loop_destroy(HttpLoop *loop)
{
	if (loop->set != NULL)
		FreeWaitEventSet(loop->set);
	free(loop->sockets);
	free(loop->polled);
	free(loop);
}

/*
 * An ERROR on the way leaves a set that is marked old, and is freed by the
 * next call or by http_loop_destroy.
 */
static void
loop_rebuild_set(HttpLoop *loop)
{
	if (loop->set != NULL)
	{
		WaitEventSet *old = loop->set;

		loop->set = NULL;
		FreeWaitEventSet(old);
	}
	loop->set = CreateWaitEventSet(NULL, loop->socket_count + 2);
	AddWaitEventToSet(loop->set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(loop->set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	for (int i = 0; i < loop->socket_count; i++)
	{
		uint32		events = ((loop->sockets[i].events & POLLIN) ? WL_SOCKET_READABLE : 0) |
			((loop->sockets[i].events & POLLOUT) ? WL_SOCKET_WRITEABLE : 0);

		if (events != 0)
			AddWaitEventToSet(loop->set, events, loop->sockets[i].fd, NULL, NULL);
	}
	loop->set_is_old = false;
}

static void
loop_call_curl(HttpLoop *loop, curl_socket_t fd, int events)
{
	sigset_t	all;
	sigset_t	before;
	CURLMcode	code;
	int			running;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	code = curl_multi_socket_action(loop->multi, fd, events, &running);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (code != CURLM_OK)
		elog(ERROR, "could not drive HTTP connections: %s", curl_multi_strerror(code));
}

static void
loop_serve_sockets(HttpLoop *loop)
{
	int			count = loop->socket_count;

	if (count == 0)
		return;
	memcpy(loop->polled, loop->sockets, count * sizeof(struct pollfd));
	if (poll(loop->polled, count, 0) <= 0)
		return;
	for (int i = 0; i < count; i++)
	{
		struct pollfd ready = loop->polled[i];	/* curl may make the array grow */
		int			events = ((ready.revents & POLLIN) ? CURL_CSELECT_IN : 0) |
			((ready.revents & POLLOUT) ? CURL_CSELECT_OUT : 0) |
			((ready.revents & (POLLERR | POLLHUP | POLLNVAL)) ? CURL_CSELECT_ERR : 0);

		/* curl doesn't mind sockets that it has closed since. */
		if (events != 0)
			loop_call_curl(loop, ready.fd, events);
	}
}

static void
loop_serve_timer(HttpLoop *loop)
{
	if (loop->timer < 0 || http_loop_now() < loop->timer)
		return;
	loop->timer = -1;
	loop_call_curl(loop, CURL_SOCKET_TIMEOUT, 0);
}

/* Milliseconds to sleep at most, rounded up; -1: for ever. */
static long
loop_sleep_ms(const HttpLoop *loop, int64 deadline)
{
	int64		until = deadline;
	int64		left;

	if (until < 0 || (loop->timer >= 0 && loop->timer < until))
		until = loop->timer;
	if (until < 0)
		return -1;
	left = until - http_loop_now();
	return left <= 0 ? 0 : (long) Min((left + 999) / 1000, INT_MAX);
}

bool
http_loop_turn(HttpLoop *loop, int64 deadline, uint32 wait_event_info)
{
	WaitEvent	event;
	bool		latch_set;

	if (loop->set_is_old)
		loop_rebuild_set(loop);
	latch_set = WaitEventSetWait(loop->set, loop_sleep_ms(loop, deadline), &event, 1,
								 wait_event_info) > 0 && (event.events & WL_LATCH_SET) != 0;
	loop_serve_sockets(loop);
	loop_serve_timer(loop);
	return latch_set;
}
