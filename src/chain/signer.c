/*
 * signer.c
 *		The signer: the private keys, without any network.  One process a database,
 *		or several, which share the wallets among them.
 *
 * It makes keys for backends that ask (custody/key_letter.c) and binds and
 * signs what the broadcaster has prepared (bind.c).  No library that opens
 * connections is called here.
 */
#include "postgres.h"

#include "chain/bind.h"
#include "chain/signer.h"
#include "core/settings.h"
#include "custody/key_letter.h"

static int
signer_count(void)
{
	return dalp_signers;
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
