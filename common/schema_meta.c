#include <string.h>

#include "common/schema_state.h"

const char *
schema_meta(const char *uri)
{
	(void)uri;
	return NULL;
}
