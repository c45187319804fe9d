/*
 * master_key.c
 *		See master_key.h.
 *
 * Runs in the signer (sign key) or the verifier (verify key), outside or
 * inside a transaction.  Raises nothing: each refusal is a KeyProblem, because
 * the process must go on without the key.
 */
#include "postgres.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "custody/master_key.h"
#include "custody/seal.h"
#include "core/errors.h"
#include "evm/hex.h"
#include "miscadmin.h"

bool
key_problem_set(KeyProblem *problem, const char *hint, const char *message,
				const char *format,...)
{
	va_list		arguments;

	strlcpy(problem->message, message, sizeof(problem->message));
	strlcpy(problem->hint, hint, sizeof(problem->hint));
	va_start(arguments, format);
	vsnprintf(problem->detail, sizeof(problem->detail), format, arguments);
	va_end(arguments);
	return false;
}

void
key_problem_raise(const KeyProblem *problem)
{
	ereport(ERROR,
			(errcode(ERRCODE_DALP_KEY_UNAVAILABLE),
			 errmsg("%s", problem->message),
			 errdetail("%s", problem->detail),
			 errhint("%s", problem->hint)));
	pg_unreachable();
}

/* Is the file below the data directory, whatever links lead there? */
static bool
inside_data_directory(const char *path)
{
	char		file[PATH_MAX];
	char		folder[PATH_MAX];
	size_t		length;

	if (realpath(path, file) == NULL || realpath(DataDir, folder) == NULL)
		return true;			/* not known to be outside */
	length = strlen(folder);
	return strncmp(file, folder, length) == 0 && (file[length] == '/' || file[length] == '\0');
}

/* The bytes of a key from the file's contents. */
static bool
key_parse(const uint8 *contents, size_t length, uint8 *key)
{
	size_t		digits = length;

	if (length == SEAL_KEY_LENGTH)
	{
		memcpy(key, contents, SEAL_KEY_LENGTH);
		return true;
	}
	while (digits > 0 && (contents[digits - 1] == '\n' || contents[digits - 1] == '\r' ||
						  contents[digits - 1] == ' '))
		digits--;
	return digits == 2 * SEAL_KEY_LENGTH &&
		hex_read((const char *) contents, key, SEAL_KEY_LENGTH);
}

/* A file of one repeated byte is a mistake of whoever made it, not a key. */
static bool
key_is_constant(const uint8 *key)
{
	for (int i = 1; i < SEAL_KEY_LENGTH; i++)
		if (key[i] != key[0])
			return false;
	return true;
}

bool
master_key_read(const char *kind, const char *path, uint8 *key, uint8 *scratch,
				KeyProblem *problem)
{
	struct stat status;
	char		message[128];
	char		hint[256];
	size_t		length = 0;
	bool		good;
	int			fd;

	snprintf(message, sizeof(message), "the %s master key is not available", kind);
	if (path == NULL || path[0] == '\0')
	{
		snprintf(hint, sizeof(hint),
				 "Set dalp.%s_key_file to a file with 64 hex digits, mode 0400, outside the data directory, and reload.", kind);
		return key_problem_set(problem, hint, message, "No key file is configured.");
	}
	snprintf(hint, sizeof(hint), "Check the file that dalp.%s_key_file names.", kind);

	/* Non-blocking: a pipe in the file's place must not stop the worker. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return key_problem_set(problem, hint, message, "Could not open file \"%s\": %s.",
							   path, strerror(errno));
	if (fstat(fd, &status) != 0)
	{
		int			error = errno;

		close(fd);
		return key_problem_set(problem, hint, message, "Could not stat file \"%s\": %s.",
							   path, strerror(error));
	}
	if (!S_ISREG(status.st_mode))
		good = key_problem_set(problem, hint, message, "\"%s\" is not a regular file.", path);
	else if (status.st_uid != geteuid())
		good = key_problem_set(problem, "Make the server's own user the owner of the key file.", message,
							   "File \"%s\" belongs to another user than the server's.", path);
	else if ((status.st_mode & 07777 & ~0400) != 0)
		good = key_problem_set(problem, "Use chmod 0400 on the key file.", message,
							   "File \"%s\" has mode %04o, but must not have more than 0400.",
							   path, (unsigned) (status.st_mode & 07777));
	else if (inside_data_directory(path))
		good = key_problem_set(problem, "Move the key file out of the data directory, so that no backup of the data holds it.",
							   message, "File \"%s\" is inside the data directory.", path);
	else
		good = true;

	while (good && length < MASTER_KEY_SCRATCH)
	{
		ssize_t		got = read(fd, scratch + length, MASTER_KEY_SCRATCH - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			good = key_problem_set(problem, hint, message, "Could not read file \"%s\": %s.",
								   path, strerror(errno));
		if (got <= 0)
			break;
		length += (size_t) got;
	}
	close(fd);

	if (good && !key_parse(scratch, length, key))
		good = key_problem_set(problem, "Make one with: openssl rand -hex 32", message,
							   "File \"%s\" holds neither 64 hex digits nor 32 bytes.", path);
	if (good && key_is_constant(key))
		good = key_problem_set(problem, "Make one with: openssl rand -hex 32", message,
							   "The key in file \"%s\" is one repeated byte.", path);
	seal_wipe(scratch, MASTER_KEY_SCRATCH);
	if (!good)
		seal_wipe(key, SEAL_KEY_LENGTH);
	return good;
}
