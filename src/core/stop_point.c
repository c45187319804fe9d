/*
 * stop_point.c
 *		Named places at which a test may stop, fail or kill this process.
 *
 * Test builds only.  Runs in any process, also within transactions; must not
 * be called under a spinlock or in a critical section.
 */
#include "postgres.h"

#include "core/stop_point.h"

#ifdef DALP_TEST

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"

#define STOP_FOLDER "dalp_stop"
#define STOP_POLL_MS 10

/* What the file says, its first word; false where there is none. */
static bool
stop_command(const char *path, char *command, size_t size)
{
	int			file = open(path, O_RDONLY);
	ssize_t		got;

	if (file < 0)
		return false;
	got = read(file, command, size - 1);
	close(file);
	command[got > 0 ? got : 0] = '\0';
	command[strcspn(command, " \r\n\t")] = '\0';
	return true;
}

static void
stop_wait(const char *path)
{
	char		reached[MAXPGPATH + 10];
	int			file;

	snprintf(reached, sizeof(reached), "%s.reached", path);
	file = open(reached, O_CREAT | O_WRONLY, 0600);
	if (file >= 0)
		close(file);
	/* Without the latch: what was set for the work around us must stay set. */
	while (access(path, F_OK) == 0)
	{
		(void) WaitLatch(NULL, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, STOP_POLL_MS, PG_WAIT_EXTENSION);
		CHECK_FOR_INTERRUPTS();
	}
	(void) unlink(reached);
}

void
stop_point(const char *name)
{
	char		path[MAXPGPATH];
	char		command[16];

	/* Relative: a server's processes live in the data directory. */
	snprintf(path, sizeof(path), STOP_FOLDER "/%s", name);
	if (!stop_command(path, command, sizeof(command)))
		return;
	if (strcmp(command, "wait") == 0)
		stop_wait(path);
	/* Only the process that could remove the file obeys: once means once. */
	else if (strcmp(command, "crash") == 0 && unlink(path) == 0)
		(void) kill(getpid(), SIGKILL);
	else if (strcmp(command, "error") == 0 && unlink(path) == 0)
		ereport(ERROR, (errmsg("stopped at %s", name)));
}

#endif							/* DALP_TEST */
