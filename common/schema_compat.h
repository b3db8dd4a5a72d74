/*
 * schema_compat.h - whether all that one schema accepts another one accepts too
 *
 * Two searches, each sound and neither complete: a proof, keyword by keyword,
 * and a witness, a value that the one accepts and the other refuses, which is
 * made from what both schemas mention and shown to both before it is believed.
 * What neither finds is undecided.
 */
#ifndef COMMON_SCHEMA_COMPAT_H
#define COMMON_SCHEMA_COMPAT_H

#include "common/buf.h"
#include "common/schema.h"

enum schema_compat { SCHEMA_COMPATIBLE, SCHEMA_INCOMPATIBLE, SCHEMA_UNDECIDED };

/*
 * Whether `wider` accepts all that `narrower` does.  The schemas are best from
 * two sets, as two versions may have the same $id.  If they are incompatible,
 * *witness is the value's JSON, NUL-terminated.
 */
enum schema_compat schema_compat(const struct schema *narrower,
				 const struct schema *wider,
				 struct buf *witness);

#endif
