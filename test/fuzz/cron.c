/*
 * cron.c
 *		A moment (8 bytes) and an expression: parse it, and follow it for a while in
 *		a time zone whose clock changes often.
 *
 * Links: src/workflow/cron.c src/workflow/cron_parse.c
 */
#include "workflow/cron.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An hour more in every other week. */
static int32_t
changing_offset(const void *zone, int64_t moment)
{
	(void) zone;
	return (moment / (7 * 86400)) % 2 != 0 ? 7200 : 3600;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const CronZone zone = {changing_offset, NULL};
	Problem		problem = {{0}, {0}};
	Cron		cron;
	int64_t		moment;

	if (size < sizeof(moment))
		return 0;
	memcpy(&moment, data, sizeof(moment));
	if (cron_parse((const char *) data + sizeof(moment), size - sizeof(moment), &cron, &problem) != (problem.message[0] == '\0'))
		abort();
	for (int i = 0; i < 10 && problem.message[0] == '\0' && moment != CRON_NEVER; i++)
	{
		int64_t		next = cron_next(&cron, &zone, moment);

		if (next <= moment)
			abort();
		moment = next;
	}
	return 0;
}
