/*
 * stop_point.h
 *		Named places at which a test may stop, fail or kill this process.
 *
 * Nothing in release builds.  With -DDALP_TEST, a file named after the point
 * in the folder dalp_stop of the data directory says what to do, once:
 *   crash    remove the file and kill -9 this very process
 *   error    remove the file and raise an error
 *   wait     wait until the file is gone (interrupts are served)
 * While it waits it creates <name>.reached, so that a test knows.
 */
#ifndef DALP_STOP_POINT_H
#define DALP_STOP_POINT_H

#ifdef DALP_TEST
extern void stop_point(const char *name);
#define STOP_POINT(name) stop_point(name)
#else
#define STOP_POINT(name) ((void) 0)
#endif

#endif							/* DALP_STOP_POINT_H */
