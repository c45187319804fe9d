/*
 * http_loop.h
 *		Sleeping on the process's latch and on the sockets of a curl multi
 *		handle at once.  Used by http_client.c only.
 */
#ifndef DALP_HTTP_LOOP_H
#define DALP_HTTP_LOOP_H

#include "postgres.h"

#include <curl/curl.h>

typedef struct HttpLoop HttpLoop;

/* Microseconds of the monotonic clock. */
extern int64 http_loop_now(void);

/* Takes over the multi handle's socket and timer callbacks. NULL if memory is short. */
extern HttpLoop *http_loop_create(CURLM *multi);

/* After the multi handle is cleaned up, which still calls back. */
extern void http_loop_destroy(HttpLoop *loop);

/*
 * Sleeps until the latch is set, a socket is ready, curl's timer is due or the
 * monotonic clock reaches the deadline (-1: never), then lets curl do what is
 * to be done on every ready socket and for its timers.  Returns whether the
 * latch was set.  ERROR if the kernel or curl refuses; no curl frame is on the
 * stack then.
 */
extern bool http_loop_turn(HttpLoop *loop, int64 deadline, uint32 wait_event_info);

#endif							/* DALP_HTTP_LOOP_H */
