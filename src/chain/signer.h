/*
 * signer.h
 *		The worker that signs: keys, no network.
 */
#ifndef DALP_CHAIN_SIGNER_H
#define DALP_CHAIN_SIGNER_H

#include "core/worker.h"

extern const WorkerClass signer_class;

#endif							/* DALP_CHAIN_SIGNER_H */
