#include <string.h>

#include "common/schema_state.h"
#include "meta_schemas.h"

#define DRAFT_2020 "https://json-schema.org/draft/2020-12/"

const char *
schema_meta(const char *uri)
{
	static const struct {
		const char *uri, *text;
	} metas[] = {
		{ "http://json-schema.org/draft-04/schema", json_draft_04 },
		{ "http://json-schema.org/draft-06/schema", json_draft_06 },
		{ "http://json-schema.org/draft-07/schema", json_draft_07 },
		{ DRAFT_2020 "schema", json_draft_2020_12 },
		{ DRAFT_2020 "meta/core", json_core },
		{ DRAFT_2020 "meta/applicator", json_applicator },
		{ DRAFT_2020 "meta/unevaluated", json_unevaluated },
		{ DRAFT_2020 "meta/validation", json_validation },
		{ DRAFT_2020 "meta/meta-data", json_meta_data },
		{ DRAFT_2020 "meta/format-annotation", json_format_annotation },
		{ DRAFT_2020 "meta/format-assertion", json_format_assertion },
		{ DRAFT_2020 "meta/content", json_content },
	};
	size_t i;

	for (i = 0; i < sizeof(metas) / sizeof(*metas); i++)
		if (strcmp(metas[i].uri, uri) == 0)
			return metas[i].text;
	return NULL;
}
