/*
 * receipts.h
 *		What has become of open slots.
 */
#ifndef DALP_CHAIN_RECEIPTS_H
#define DALP_CHAIN_RECEIPTS_H

#include "chain/watch_store.h"

/*
 * Reads the receipts of all slots that the counts say are consumed, and of
 * mined ones whose block is final or may have been replaced; writes what they
 * show.  Ends the watch track's round when done.  `lanes` is copied.
 */
extern void receipts_start(ChainWork *chain, Endpoint *endpoint, const WatchLane *lanes, int lane_count);

/* ---- watch.c ---- */

/* The watch track is free again; due: look at the chain again at once. */
extern void watch_end(ChainWork *chain, bool at_once);

#endif							/* DALP_CHAIN_RECEIPTS_H */
