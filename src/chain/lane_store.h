/*
 * lane_store.h
 *		The table lane of dalp_chain: a wallet's nonces on a chain, paused or not.
 *
 * Each function needs an open store.
 */
#ifndef DALP_CHAIN_LANE_STORE_H
#define DALP_CHAIN_LANE_STORE_H

/* Makes the lane of a wallet on a chain unless it is there. */
extern void lane_store_ensure(int chain_id, int wallet_id);

/*
 * Makes the lanes that queued requests are the first to need.  Not done when
 * they are submitted, or a caller's open transaction would hold up all others
 * that use the wallet for the first time.
 */
extern void lane_store_ensure_waiting(void);

/* Locks the lane and returns its state, or NULL. */
extern char *lane_store_lock(int chain_id, int wallet_id);

/* Pauses whatever its state was (kind operator, key …), or resumes; a lane whose count isn't known is new again. */
extern void lane_store_pause(int chain_id, int wallet_id, const char *kind, const char *reason);
extern void lane_store_resume(int chain_id, int wallet_id);

/* What a worker finds out pauses only an active lane, or one that waits for funds. */
extern void lane_store_pause_active(int chain_id, int wallet_id, const char *kind, const char *reason);

/* The funds that it waits for are there. */
extern void lane_store_resume_funded(int chain_id, int wallet_id);

#endif							/* DALP_CHAIN_LANE_STORE_H */
