/*
 * http_task.h
 *		What the state http:request asks for, and what comes of its answer.
 *
 * Pure: documents and bytes in, documents out.  Names of parameters, results
 * and errors are those of the HTTP Task of the states language's home service.
 */
#ifndef DALP_CHAIN_HTTP_TASK_H
#define DALP_CHAIN_HTTP_TASK_H

#include "core/document.h"

/* Longest URL with its query. */
#define HTTP_TASK_URL_MAX 8000

typedef struct HttpTask
{
	const char *method;
	const char *url;			/* with the query */
	const Doc  *headers;		/* array of "Name: value" */
	const char *body;			/* NULL for none */
} HttpTask;

/*
 * From a state's effective input:
 *   {"ApiEndpoint", "Method", "Headers": {name: text or texts},
 *    "QueryParameters": {name: value or values}, "RequestBody"}
 * False and a problem where it is no request; headers that dalp sets, that
 * belong to the connection, or that hold credentials are refused.
 */
extern bool http_task_parse(const Doc *parameters, HttpTask *task, Problem *problem);

/*
 * The same for Parameters as they stand in a definition, where members whose
 * names end in ".$" have no value yet: unknown members, and headers that are
 * refused whatever their value.
 */
extern bool http_task_check(const Doc *parameters, Problem *problem);

/*
 * {"StatusCode", "StatusText", "Headers": {name: [values]}, "ResponseBody"}
 * of an answer; head is its status line and header lines.  The body is a
 * document where the content type says JSON and it is JSON, else text.  NULL and a
 * problem where the body is no UTF-8 text.
 */
extern const Doc *http_task_result(int status, const char *head, const char *content_type,
								   const char *body, size_t body_length, Problem *problem);

#endif							/* DALP_CHAIN_HTTP_TASK_H */
