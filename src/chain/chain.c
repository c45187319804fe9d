/*
 * chain.c
 *		Where the chain domain begins.
 */
#include "postgres.h"

#include "chain/broadcaster.h"
#include "chain/chain.h"
#include "chain/request_redrive.h"
#include "chain/signer.h"
#include "core/worker.h"
#include "ops/dead_letter.h"

ChainFinishedHook chain_finished_hook = NULL;
ChainSubmitHook chain_submit_hook = NULL;

void
chain_init(void)
{
	worker_define(WORKER_BROADCASTER, &broadcaster_class);
	worker_define(WORKER_SIGNER, &signer_class);
	dead_letter_define("transaction", request_redrive, false);
}
