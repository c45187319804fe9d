/*
 * intrinsics.h
 *		The intrinsic functions of the states language, States.Format and on.
 */
#ifndef DALP_ASL_INTRINSICS_H
#define DALP_ASL_INTRINSICS_H

#include "asl/path.h"

/* Calls inside calls. */
#define CALL_MAX_DEPTH 10

typedef struct Call Call;

/* One argument: exactly one of them is set. */
typedef struct Argument
{
	const Path *path;
	const Call *call;
	const Doc  *literal;
	const char *raw;			/* of a text literal: with its escapes, for States.Format */
	uint32_t	raw_length;
} Argument;

/* The values of a call's arguments. */
typedef struct Arguments
{
	const Call *call;
	const Doc **values;
	uint32_t	count;
} Arguments;

typedef const Doc *(*Intrinsic) (const Arguments *arguments, AslScope *scope);

struct Call
{
	const char *text;			/* as written */
	const char *name;			/* "States.Format" */
	Intrinsic	function;
	Argument   *arguments;
	uint32_t	count;
};

/* Text to a call; NULL and a problem if it isn't a well-formed call of a known function. */
extern const Call *call_parse(const char *text, size_t length, Problem *problem);
extern const Doc *call_evaluate(const Call *call, AslScope *scope);

/* Fails with States.IntrinsicFailure, naming the function. Returns NULL. */
extern const Doc *call_fail(const Arguments *arguments, AslScope *scope,
							const char *format,...) pg_attribute_printf(3, 4);

/* The argument as a text, an array, an integer (rounded half up where `round`); false and a failure otherwise. */
extern bool call_text(const Arguments *arguments, uint32_t number, AslScope *scope);
extern bool call_array(const Arguments *arguments, uint32_t number, AslScope *scope);
extern bool call_integer(const Arguments *arguments, uint32_t number, bool round, AslScope *scope, int64_t *value);

/* Each documented at its definition: intrinsics_array.c, intrinsics_text.c, intrinsics_value.c. */
extern const Doc *intrinsic_array(const Arguments *arguments, AslScope *scope);
extern const Doc *intrinsic_array_partition(const Arguments *arguments, AslScope *scope);
extern const Doc *intrinsic_array_contains(const Arguments *arguments, AslScope *scope);
extern const Doc *intrinsic_array_range(const Arguments *arguments, AslScope *scope);
extern const Doc *intrinsic_array_get_item(const Arguments *arguments, AslScope *scope);
extern const Doc *intrinsic_array_length(const Arguments *arguments, AslScope *scope);
extern const Doc *intrinsic_array_unique(const Arguments *arguments, AslScope *scope);
extern const Doc *intrinsic_format(const Arguments *arguments, AslScope *scope);
extern const Doc *intrinsic_string_split(const Arguments *arguments, AslScope *scope);
extern const Doc *intrinsic_base64_encode(const Arguments *arguments, AslScope *scope);
extern const Doc *intrinsic_base64_decode(const Arguments *arguments, AslScope *scope);
extern const Doc *intrinsic_hash(const Arguments *arguments, AslScope *scope);
extern const Doc *intrinsic_string_to_json(const Arguments *arguments, AslScope *scope);
extern const Doc *intrinsic_json_to_string(const Arguments *arguments, AslScope *scope);
extern const Doc *intrinsic_json_merge(const Arguments *arguments, AslScope *scope);
extern const Doc *intrinsic_math_add(const Arguments *arguments, AslScope *scope);
extern const Doc *intrinsic_math_random(const Arguments *arguments, AslScope *scope);
extern const Doc *intrinsic_uuid(const Arguments *arguments, AslScope *scope);

#endif							/* DALP_ASL_INTRINSICS_H */
