/*
 * custody.c
 *		Where custody begins; the signer worker itself is in chain/, which
 *		knows what there is to sign.
 */
#include "postgres.h"

#include "custody/custody.h"

void
custody_init(void)
{
}
