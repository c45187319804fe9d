/*
 * hd.h
 *		Hierarchical deterministic keys: private derivation (BIP-32).
 */
#ifndef DALP_HD_H
#define DALP_HD_H

#include "evm/address.h"

/* Bytes of a seed (BIP-32, "Master key generation"). */
#define HD_LEAST_SEED 16
#define HD_MOST_SEED 64

/* Levels below the master key: what a serialised key's depth can count. */
#define HD_MAX_DEPTH 255

typedef struct HdKey
{
	uint8_t		private_key[32];
	uint8_t		public_key[33]; /* compressed */
	uint8_t		chain_code[32];
	uint8_t		address[ADDRESS_LENGTH];
} HdKey;

/*
 * The key at a path from the seed's master key: "m", then "/n" or, hardened,
 * "/n'", with n below 2^31.  Where a key doesn't exist (a chance of 2^-127) it
 * is a problem and not the next index.  The key is wiped where the result is
 * false.
 */
extern bool hd_derive(const uint8_t *seed, size_t seed_length, const char *path, size_t path_length,
					  HdKey *key, Problem *problem);

#endif							/* DALP_HD_H */
