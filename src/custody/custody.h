/*
 * custody.h
 *		All that the rest of dalp sees of src/custody.
 */
#ifndef DALP_CUSTODY_H
#define DALP_CUSTODY_H

/* Settings and hooks; from _PG_init. */
extern void custody_init(void);

#endif							/* DALP_CUSTODY_H */
