/*
 * patch.c
 *		The edited input of a redrive.
 */
#include "compat.h"

#include "core/document_jsonb.h"
#include "core/errors.h"
#include "core/limits.h"
#include "workflow/patch.h"

static const Doc *
merge_patch(const Doc *target, const Doc *patch)
{
	Doc		   *result;

	check_stack_depth();
	if (!doc_is(patch, DOC_OBJECT))
		return patch;
	result = doc_object();
	if (doc_is(target, DOC_OBJECT))
		for (uint32_t i = 0; i < target->length; i++)
		{
			const DocMember *member = &target->members[i];

			if (doc_get_n(patch, member->key, member->key_length) == NULL)
				doc_object_add_n(result, member->key, member->key_length, member->value);
		}
	for (uint32_t i = 0; i < patch->length; i++)
	{
		const DocMember *member = &patch->members[i];

		if (!doc_is(member->value, DOC_NULL))
			doc_object_add_n(result, member->key, member->key_length,
							 merge_patch(doc_get_n(target, member->key, member->key_length), member->value));
	}
	return result;
}

Jsonb *
patch_apply(Jsonb *target, Jsonb *patch)
{
	Problem		problem = {0};
	Jsonb	   *result;

	if (patch == NULL)
		return target;
	result = doc_to_jsonb(merge_patch(doc_from_jsonb(target), doc_from_jsonb(patch)), &problem);
	if (result == NULL)
		problem_raise(&problem, "patch");
	limit_payload("patched input", result);
	return result;
}
