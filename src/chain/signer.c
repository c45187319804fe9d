/*
 * signer.c
 *		The signer: one process a database, with the private keys and without
 *		any network.
 *
 * It makes keys for backends that ask (custody/key_letter.c) and binds and
 * signs what the broadcaster has prepared (bind.c).  No library that opens
 * connections is called here.
 */
#include "postgres.h"

#include "chain/bind.h"
#include "chain/signer.h"
#include "custody/key_letter.h"

static int
signer_count(void)
{
	return 1;
}

static long
signer_turn(void)
{
	key_letter_serve();
	return bind_turn();
}

const WorkerClass signer_class = {
	.name = "signer",
	.count = signer_count,
	.start = signer_keys_init,
	.turn = signer_turn,
	.wait = NULL
};
