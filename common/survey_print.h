/*
 * survey_print.h - the rows of a survey as lines of JSON and as a table
 */
#ifndef COMMON_SURVEY_PRINT_H
#define COMMON_SURVEY_PRINT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/out.h"
#include "common/survey.h"

/* One object a line, keys as evlag(1) has them; what is unknown is null. */
void survey_print_ndjson(const struct survey *s, struct out *out);

/* For people.  Rates and what follows from them have columns if `rates`; width
 * and colour are table_print()'s. */
void survey_print_table(const struct survey *s, bool rates, size_t width,
			bool colour, struct out *out);

#endif
