/*
 * window.h
 *		How many nonces of a wallet may be open at once.
 *
 * Pure.  Additive increase, multiplicative decrease: a pool that refuses for
 * want of room halves the window, each block that takes one of the wallet's
 * transactions grows it by one, up to what is configured for the chain.
 */
#ifndef DALP_CHAIN_WINDOW_H
#define DALP_CHAIN_WINDOW_H

static inline int
window_shrunk(int window)
{
	return window > 1 ? window / 2 : 1;
}

static inline int
window_grown(int window, int configured)
{
	return window < configured ? window + 1 : configured;
}

/* How many more may be bound. */
static inline int
window_room(int window, int open, int signing)
{
	int			room = window - open - signing;

	return room > 0 ? room : 0;
}

#endif							/* DALP_CHAIN_WINDOW_H */
