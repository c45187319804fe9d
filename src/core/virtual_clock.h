/*
 * virtual_clock.h
 *		Whose turn it is: a clock for each key, in fixed memory.
 *
 * Work waits in lanes (shards of a database) and is taken in the order of a
 * number.  Each lane has a clock: real time, and ahead of it by as much as
 * the work that was taken from the lane was.  Work of a key (a tenant) gets
 * the lane's time, or a stride after what the key got before, if that is
 * later: a key that floods is served at the rate of the lane, and whoever
 * comes now is served next.  What a key used while nobody else wanted it is
 * not held against it, because the lane's clock has followed.
 *
 * The keys' clocks lie in a count-min sketch, so that no number of keys needs
 * more memory.  Keys that collide with a flooding one in all of its rows would
 * wait with it; an aborted transaction has used its turns.  A restart forgets
 * all clocks: work that waits moves its lane's clock ahead when it is taken.
 *
 * Any process, no locks.  Of two that take a turn of the same key at the same
 * instant both may get the same.  Without shared memory all is real time.
 */
#ifndef DALP_VIRTUAL_CLOCK_H
#define DALP_VIRTUAL_CLOCK_H

#include "postgres.h"

#define VIRTUAL_LANES 16

/* The time of a lane of this database, or, with -1, the earliest of all its lanes; microseconds since 2000. */
extern int64 virtual_now(int lane);

/* The next turn of a key (a hash) in a lane; stride in microseconds. */
extern int64 virtual_turn(int lane, uint64 key, int64 stride);

/* Work of that turn was taken from the lane. */
extern void virtual_reached(int lane, int64 turn);

#endif							/* DALP_VIRTUAL_CLOCK_H */
