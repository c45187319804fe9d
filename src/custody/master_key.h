/*
 * master_key.h
 *		Reads a master key from its file, which is outside the database.
 *
 * Only the worker that needs the key calls this, never a backend.
 */
#ifndef DALP_MASTER_KEY_H
#define DALP_MASTER_KEY_H

#include "compat.h"

/*
 * Why key material is unavailable: the parts of an error DL011, kept as bytes
 * so that a worker can hand them to the backend that raises them.  None of
 * them holds a secret.
 */
typedef struct KeyProblem
{
	char		message[256];
	char		detail[512];
	char		hint[256];
} KeyProblem;

extern bool key_problem_set(KeyProblem *problem, const char *hint, const char *message,
							const char *format,...) pg_attribute_printf(4, 5);

/* Raises DL011. */
pg_noreturn extern void key_problem_raise(const KeyProblem *problem);

/*
 * Reads the key of that kind ("sign", "verify") from the file into 32 bytes of
 * the caller's locked memory.  The file holds 64 hex digits, or 32 bytes; it is
 * a regular file of the server's own user, readable by nobody else, and
 * outside the data directory.  scratch is locked memory too, of
 * MASTER_KEY_SCRATCH bytes, and wiped.
 */
#define MASTER_KEY_SCRATCH 80
extern bool master_key_read(const char *kind, const char *path, uint8 *key, uint8 *scratch,
							KeyProblem *problem);

#endif							/* DALP_MASTER_KEY_H */
