/*
 * workflow.c
 *		What src/workflow brings along when the library is loaded.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "chain/chain.h"
#include "ops/dead_letter.h"
#include "workflow/compensate.h"
#include "workflow/executor.h"
#include "workflow/lease_memory.h"
#include "workflow/message.h"
#include "workflow/procedure.h"
#include "workflow/run_control.h"
#include "workflow/scheduler.h"
#include "workflow/workflow.h"

void
workflow_init(void)
{
	if (process_shared_preload_libraries_in_progress)
		lease_memory_init();
	executor_init();
	scheduler_init();
	dead_letter_define("run", run_redrive, true);
	dead_letter_define("compensation", compensate_redrive, true);
	chain_finished_hook = message_send_transaction_end;
	chain_submit_hook = procedure_submit;
	outside_finished_hook = message_send_answer;
}
