/*
 * place.h
 *		Where in a nested value the code is: a chain over the C stack that becomes
 *		text ("args[2].amount") only when something is wrong there.
 */
#ifndef DALP_EVM_PLACE_H
#define DALP_EVM_PLACE_H

#include "core/base.h"

typedef struct Place
{
	const struct Place *parent;
	const char *name;			/* a member's name, or NULL: an element */
	uint32_t	name_length;
	uint32_t	index;
	const char *label;			/* what an element is called, or NULL: "data[1] (amount)" */
	uint32_t	label_length;
} Place;

/* Fills the problem's where, unless it has one; returns false. */
extern bool place_fail(const Place *place, Problem *problem);

/* Reports what is wrong at this place; returns false. */
extern bool place_set(const Place *place, Problem *problem,
					  const char *format,...) pg_attribute_printf(3, 4);

static inline Place
place_element(const Place *parent, uint32_t index)
{
	Place		place = {parent, NULL, 0, index, NULL, 0};

	return place;
}

static inline Place
place_member(const Place *parent, const char *name, uint32_t length)
{
	Place		place = {parent, name, length, 0, NULL, 0};

	return place;
}

/* An element that has a name too, which may be NULL. */
static inline Place
place_labelled(const Place *parent, uint32_t index, const char *label, uint32_t length)
{
	Place		place = {parent, NULL, 0, index, label, length};

	return place;
}

#endif							/* DALP_EVM_PLACE_H */
