/*
 * document_jsonb.h
 *		Between jsonb, as users and tables have it, and Doc, as pure code has it.
 */
#ifndef DALP_DOCUMENT_JSONB_H
#define DALP_DOCUMENT_JSONB_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "core/document.h"

/* A Doc in CurrentMemoryContext; copies, so the jsonb may go away. */
extern const Doc *doc_from_jsonb(const Jsonb *jsonb);

/* NULL and a problem where jsonb can't hold it: U+0000 in text, a number beyond numeric, too large. */
extern Jsonb *doc_to_jsonb(const Doc *doc, Problem *problem);

#endif							/* DALP_DOCUMENT_JSONB_H */
