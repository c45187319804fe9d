/*
 * request_redrive.c
 *		See request_redrive.h.
 *
 * In a backend, in the transaction of dalp.redrive, with the letter locked and
 * the store open.
 */
#include "postgres.h"

#include "chain/request_redrive.h"
#include "chain/request_store.h"
#include "chain/request_wait.h"
#include "core/document_jsonb.h"
#include "core/errors.h"
#include "evm/hex.h"
#include "utils/builtins.h"

/* Members of the patch replace what the dead request had. */
static void
apply(Request *request, const Doc *patch)
{
	static const char *const patchable[] = {"to", "value", "data", "gas_limit", "max_fee", "priority", "expires_at"};
	Doc		   *whole = doc_object();
	Request		patched;
	Problem		problem;

	problem.message[0] = problem.where[0] = '\0';
	if (!doc_is(patch, DOC_OBJECT))
		problem_set(&problem, "", "must be an object");
	for (uint32 i = 0; problem.message[0] == '\0' && i < patch->length; i++)
	{
		bool		known = false;

		for (size_t j = 0; j < lengthof(patchable); j++)
			known = known || strcmp(patch->members[i].key, patchable[j]) == 0;
		if (!known)
			problem_set(&problem, patch->members[i].key, "can't be changed for another try");
		doc_object_add(whole, patch->members[i].key, patch->members[i].value);
	}
	if (problem.message[0] == '\0')
	{
		/* Read by the same rules as a new request; what is absent is taken from the dead one. */
		doc_object_add(whole, "wallet", doc_text(request->wallet));
		doc_object_add(whole, "chain", doc_text(request->chain));
		if (doc_get(patch, "to") == NULL)
			doc_object_add(whole, "to", address_to_doc(request->to));
		(void) request_from_doc(&patched, whole, false, &problem);
	}
	if (problem.message[0] != '\0')
		problem_raise(&problem, "patch");

	if (doc_get(patch, "to") != NULL)
	{
		request->has_to = true;
		memcpy(request->to, patched.to, ADDRESS_LENGTH);
	}
	if (doc_get(patch, "value") != NULL)
		request->value = patched.value;
	if (doc_get(patch, "data") != NULL)
		request->data = patched.data;
	if (doc_get(patch, "gas_limit") != NULL)
	{
		request->has_gas_limit = patched.has_gas_limit;
		request->gas_limit = patched.gas_limit;
	}
	if (doc_get(patch, "max_fee") != NULL)
	{
		request->has_max_fee = patched.has_max_fee;
		request->max_fee = patched.max_fee;
	}
	if (doc_get(patch, "priority") != NULL)
		request->priority = patched.priority;
	request->has_expires_at = patched.has_expires_at;
	request->expires_at = patched.expires_at;
}

int64
request_redrive(int64 request_id, Jsonb *patch, Oid actor, int64 delay)
{
	RequestCopy copy;

	(void) delay;				/* refused for this kind */
	(void) actor;				/* dalp.redrive has checked and audited who it is */
	if (!request_store_copy(request_id, &copy))
		request_unknown(request_id);
	if (!copy.dead)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("transaction " INT64_FORMAT " can't be tried again", request_id),
				 errdetail("Its state is %s; only DEAD_LETTER is allowed.", copy.state),
				 errhint("dalp.wait_transaction tells how it ended.")));
	if (!copy.settled)
		ereport(ERROR,
				(errcode(ERRCODE_DALP_WRONG_STATE),
				 errmsg("transaction " INT64_FORMAT " can't be tried again yet", request_id),
				 errdetail("Its nonce is not settled: until the no-op that takes its place is final, its old bytes could still be included."),
				 errhint("Try again when the view dalp.transactions shows it as settled.")));
	if (patch != NULL)
		apply(&copy.request, doc_from_jsonb(patch));
	/* The run has been told that this one is dead and doesn't wait any more. */
	copy.request.run_id = 0;
	request_submit(&copy.request, 1);
	return copy.request.id;
}
