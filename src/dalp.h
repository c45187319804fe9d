/*
 * dalp.h
 *		The library's entry points that the server looks up by name.
 */
#ifndef DALP_H
#define DALP_H

#include "postgres.h"

#include "fmgr.h"

extern PGDLLEXPORT void _PG_init(void);

/* Main functions of the background workers: core/launcher.c, core/worker.c. */
extern PGDLLEXPORT void dalp_launcher_main(Datum argument);
extern PGDLLEXPORT void dalp_worker_main(Datum argument);

#endif							/* DALP_H */
