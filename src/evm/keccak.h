/*
 * keccak.h
 *		Keccak-256 as Ethereum uses it: the sponge of FIPS 202 with rate 136 and
 *		the padding 0x01 of the original submission (SHA3-256 pads with 0x06).
 */
#ifndef DALP_EVM_KECCAK_H
#define DALP_EVM_KECCAK_H

#include "core/base.h"

#define KECCAK_LENGTH 32
#define KECCAK_RATE 136

typedef struct Keccak
{
	uint64_t	lanes[25];
	uint8_t		block[KECCAK_RATE];
	size_t		used;			/* bytes of block that wait for the rest */
} Keccak;

extern void keccak_init(Keccak *keccak);
extern void keccak_update(Keccak *keccak, const void *data, size_t length);
extern void keccak_final(Keccak *keccak, uint8_t hash[KECCAK_LENGTH]);

/* All at once. */
extern void keccak256(const void *data, size_t length, uint8_t hash[KECCAK_LENGTH]);

#endif							/* DALP_EVM_KECCAK_H */
